/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL 3.0 puts a key of its own making into a certificate by encoding it and decoding it again,
 * which takes three times as long as everything else together.  A key of the older interface does
 * without. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "net/issue.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "base/ipaddr.h"

enum { SERIAL_BYTES = 16, SKEW_S = 3600, DAY_S = 24 * 60 * 60 };

EVP_PKEY *issue_key(void)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (key && ec && EC_KEY_generate_key(ec) == 1 && EVP_PKEY_assign_EC_KEY(key, ec) == 1)
        return key;
    EC_KEY_free(ec);
    EVP_PKEY_free(key);
    return NULL;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;            /* positive, and never shorter */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return set;
}

static bool add_text(X509_NAME *name, const char *field, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1,
                                      -1, 0) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int id, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, id, value);
    bool added = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/* Version, serial number, validity and key.  Clocks inside and outside may differ a little. */
static X509 *begin(EVP_PKEY *key, long days)
{
    X509 *cert = X509_new();
    bool good = cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
                X509_gmtime_adj(X509_getm_notBefore(cert), -SKEW_S) &&
                X509_gmtime_adj(X509_getm_notAfter(cert), days * DAY_S - SKEW_S) &&
                X509_set_pubkey(cert, key);
    if (good)
        return cert;
    X509_free(cert);
    return NULL;
}

static X509 *finish(X509 *cert, bool good, EVP_PKEY *signer)
{
    if (good && X509_sign(cert, signer, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

X509 *issue_authority(EVP_PKEY *key, const char *name, long days)
{
    X509 *cert = begin(key, days);
    if (!cert)
        return NULL;
    X509_NAME *subject = X509_get_subject_name(cert);
    bool good = add_text(subject, "O", "sluice") && add_text(subject, "CN", name) &&
                X509_set_issuer_name(cert, subject) &&
                add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                add_extension(cert, cert, NID_subject_key_identifier, "hash");
    return finish(cert, good, key);
}

static ASN1_OCTET_STRING *address_of(const char *host)
{
    struct ipaddr ip;
    if (ipaddr_parse(host, &ip) != 0)
        return NULL;
    return a2i_IPADDRESS(host);
}

/* The name is set as a value, not written into a text that is parsed again. */
static bool add_host(GENERAL_NAMES *names, const char *host)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = address_of(host);
    ASN1_IA5STRING *text = address ? NULL : ASN1_IA5STRING_new();
    if (!name || (!address && !(text && ASN1_STRING_set(text, host, -1)))) {
        ASN1_IA5STRING_free(text);
        GENERAL_NAME_free(name);
        return false;
    }
    GENERAL_NAME_set0_value(name, address ? GEN_IPADD : GEN_DNS,
                            address ? (void *)address : (void *)text);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

/* The extension is critical where the subject is empty. */
static bool add_hosts(X509 *cert, const struct issue *i)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool good = names != NULL;
    for (size_t h = 0; good && h < i->n_hosts; h++)
        good = add_host(names, i->hosts[h]);
    if (good && i->n_hosts)
        good = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, !i->name, 0) == 1;
    GENERAL_NAMES_free(names);
    return good;
}

X509 *issue_certificate(const struct issue *i)
{
    X509 *cert = begin(i->key, i->days);
    if (!cert)
        return NULL;
    bool good = X509_set_issuer_name(cert, X509_get_subject_name(i->issuer)) &&
                (!i->name || add_text(X509_get_subject_name(cert), "CN", i->name)) &&
                add_hosts(cert, i) &&
                add_extension(cert, i->issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                add_extension(cert, i->issuer, NID_key_usage, "critical,digitalSignature") &&
                add_extension(cert, i->issuer, NID_ext_key_usage, i->usage) &&
                add_extension(cert, i->issuer, NID_authority_key_identifier, "keyid:always");
    return finish(cert, good, i->issuer_key);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of inference, which only the older wire has. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const struct schema_field set_inference_route_request_fields[] = {
    TEXT(1, "provider_name"),
    TEXT(2, "model_id"),
    TEXT(3, "route_name"),
    BOOL(4, "verify"),
    BOOL(5, "no_verify"),
    U64(6, "timeout_secs"),
    TEXT(7, "workspace"),
    {0},
};
const struct schema openshell_set_inference_route_request = {
    .name = "SetInferenceRouteRequest", .fields = set_inference_route_request_fields};

static const struct schema_field validated_endpoint_fields[] = {
    TEXT(1, "url"),
    TEXT(2, "protocol"),
    {0},
};
static const struct schema validated_endpoint = {.name = "ValidatedEndpoint",
                                                 .fields = validated_endpoint_fields};

static const struct schema_field set_inference_route_response_fields[] = {
    TEXT(1, "provider_name"),
    TEXT(2, "model_id"),
    U64(3, "version"),
    TEXT(4, "route_name"),
    BOOL(5, "validation_performed"),
    MESSAGES(6, "validated_endpoints", &validated_endpoint),
    U64(7, "timeout_secs"),
    TEXT(8, "workspace"),
    {0},
};
const struct schema openshell_set_inference_route_response = {
    .name = "SetInferenceRouteResponse", .fields = set_inference_route_response_fields};

static const struct schema_field get_inference_route_request_fields[] = {
    TEXT(1, "route_name"),
    TEXT(2, "workspace"),
    {0},
};
const struct schema openshell_get_inference_route_request = {
    .name = "GetInferenceRouteRequest", .fields = get_inference_route_request_fields};

static const struct schema_field get_inference_route_response_fields[] = {
    TEXT(1, "provider_name"),
    TEXT(2, "model_id"),
    U64(3, "version"),
    TEXT(4, "route_name"),
    U64(5, "timeout_secs"),
    TEXT(6, "workspace"),
    {0},
};
const struct schema openshell_get_inference_route_response = {
    .name = "GetInferenceRouteResponse", .fields = get_inference_route_response_fields};

static const struct schema_field delete_inference_route_request_fields[] = {
    TEXT(1, "route_name"),
    TEXT(2, "workspace"),
    {0},
};
const struct schema openshell_delete_inference_route_request = {
    .name = "DeleteInferenceRouteRequest", .fields = delete_inference_route_request_fields};

static const struct schema_field delete_inference_route_response_fields[] = {
    BOOL(1, "deleted"),
    {0},
};
const struct schema openshell_delete_inference_route_response = {
    .name = "DeleteInferenceRouteResponse", .fields = delete_inference_route_response_fields};

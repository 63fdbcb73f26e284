/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input, output and error: numbers that nothing else may have. */
#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

/* For the beginning of main(): a program that is started without one of them would give its number
 * to the next file it opens, and write its messages there.  Those missing are made to fail instead. */
void standard_streams(void);

#endif

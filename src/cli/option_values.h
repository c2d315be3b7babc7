/* Values of options, as rows of the table take them: what `out` is stands beside each. */
#ifndef CLIPCLS_CLI_OPTION_VALUES_H
#define CLIPCLS_CLI_OPTION_VALUES_H

#include "cli/option_table.h"

typedef bool option_take(void *out, const struct option_row *row, const char *value);

option_take take_text;        /* const char * */
option_take take_text_item;   /* struct strings: one more */
option_take take_template;    /* the same, for text with {} in it */
option_take take_directory;   /* const char *, not empty */
option_take take_flag;        /* bool, becomes true */
option_take take_off;         /* bool, becomes false */
option_take take_switch;      /* int, becomes 1 */
option_take take_size;        /* size_t */
option_take take_count;       /* size_t, at least 1 */
option_take take_shard;       /* struct shard */
option_take take_probability; /* double, 0 to 1 */
option_take take_cosine;      /* double, -1 to 1 */
option_take take_seconds;     /* double, above 0 */
option_take take_positive;    /* double, above 0 */
option_take take_word;        /* const char *, one of the row's choices */
option_take take_none;        /* const char *, becomes "none" */
option_take take_when;        /* enum when */
option_take take_format;      /* enum output_format, of the row's choices */
option_take take_print0;      /* enum output_format */
option_take take_color;       /* clipcls_image_options: white, black, gray, grey or #rrggbb */

#endif

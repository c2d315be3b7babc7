/* Text files that are linked into the library: models/ holds them, builtin_vocabulary.S takes them
 * in. Each ends in a newline. */
#ifndef CLIPCLS_TEXT_BUILTIN_DATA_H
#define CLIPCLS_TEXT_BUILTIN_DATA_H

extern const char clip_merges[], clip_merges_end[];
extern const char imagenet1k_names[], imagenet1k_names_end[];
extern const char imagenet1k_wnids[], imagenet1k_wnids_end[];
extern const char imagenet80_templates[], imagenet80_templates_end[];
extern const char openai7_templates[], openai7_templates_end[];

#endif

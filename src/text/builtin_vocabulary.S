/* Takes the text files of builtin_data.h in as they are (ELF; x86-64 and aarch64). */

.macro text_file name, file
	.globl \name
	.hidden \name
	.type \name, %object
	.globl \name\()_end
	.hidden \name\()_end
\name:
	.incbin "\file"
\name\()_end:
	.byte 0
	.size \name, \name\()_end - \name
.endm

	.section .rodata
	text_file clip_merges, "clip_merges.txt"
	text_file imagenet1k_names, "imagenet1k.txt"
	text_file imagenet1k_wnids, "imagenet1k_wnids.txt"
	text_file imagenet80_templates, "imagenet80.txt"
	text_file openai7_templates, "openai7.txt"

	.section .note.GNU-stack, "", %progbits

/* models/catalogue.tsv, so that the program alone can list what there is to download. */
	.section .rodata
	.global clipcls_catalogue
	.hidden clipcls_catalogue
clipcls_catalogue:
	.incbin "catalogue.tsv"
	.byte 0
#if defined(__linux__) && defined(__ELF__)
	.section .note.GNU-stack,"",%progbits
#endif

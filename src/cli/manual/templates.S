/* The manual page and the completion scripts but for what the tables say: lines @...@ stand there. */
	.section .rodata
	.macro template name, file
	.global \name
	.hidden \name
\name:
	.incbin "\file"
	.byte 0
	.endm
	template clipcls_mdoc, "clipcls.mdoc"
	template clipcls_bash, "clipcls.bash"
	template clipcls_zsh, "clipcls.zsh"
	template clipcls_fish, "clipcls.fish"
#if defined(__linux__) && defined(__ELF__)
	.section .note.GNU-stack,"",%progbits
#endif

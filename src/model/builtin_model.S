/* Takes the built-in model into the library. Aligned like the data in a mapped file, so that its
 * tensors are used where they stand. */
	.section .rodata
	.balign 64
	.global clipcls_builtin_model
	.hidden clipcls_builtin_model
	.global clipcls_builtin_model_end
	.hidden clipcls_builtin_model_end
clipcls_builtin_model:
	.incbin "default.safetensors"
clipcls_builtin_model_end:
	.byte 0
#if defined(__linux__) && defined(__ELF__)
	.section .note.GNU-stack,"",%progbits
#endif

/* The built-in model's file, aligned so that its tensors can be used in place. */
	.section .rodata.clipcls_builtin_model, "a"
	.global clipcls_builtin_model
	.hidden clipcls_builtin_model
	.global clipcls_builtin_model_end
	.hidden clipcls_builtin_model_end
	.balign 64
clipcls_builtin_model:
	.incbin "default.safetensors"
clipcls_builtin_model_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits

/* The report's page, which report.c cuts at its marks and fills. */
	.section .rodata
	.global clipcls_report_html, clipcls_report_css, clipcls_report_js
	.hidden clipcls_report_html, clipcls_report_css, clipcls_report_js
clipcls_report_html:
	.incbin "page.html"
	.byte 0
clipcls_report_css:
	.incbin "page.css"
	.byte 0
clipcls_report_js:
	.incbin "data.js"
	.incbin "list.js"
	.incbin "filter.js"
	.incbin "summary.js"
	.incbin "confusion.js"
	.incbin "view.js"
	.byte 0
#if defined(__linux__) && defined(__ELF__)
	.section .note.GNU-stack,"",%progbits
#endif

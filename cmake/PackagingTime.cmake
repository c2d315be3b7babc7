# Read by cpack before it begins: its archives bear this time.
set(ENV{SOURCE_DATE_EPOCH} ${CPACK_CLIPCLS_TIME})

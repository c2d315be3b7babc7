#compdef clipcls
# Completion of clipcls(1) for zsh, written by 'clipcls completion zsh'.

# The catalogue's models whose line begins with a mark: * = downloaded.
_clipcls_models() {
	local -a names
	names=(${(f)"$(_call_program models "clipcls models | sed -n 's/^$1 \([A-Za-z0-9._-]*\) .*/\1/p'")"})
	_wanted models expl model compadd -a names
}

# Kinds of what may stand in a place, and words.
_clipcls_offer() {
	local kinds=$1
	local -a offered
	shift
	(( $# )) && offered+=("words:word:($*)")
	case $kinds in
	(*downloaded*) offered+=('models:model: _clipcls_models "[*]"') ;;
	(*catalogue*) offered+=('models:model: _clipcls_models "[* ]"') ;;
	esac
	case $kinds in
	(*directories*) offered+=('directories:directory:_files -/') ;;
	(*files*) offered+=('files:file:_files') ;;
	esac
	(( $#offered )) && _alternative $offered
}

_clipcls() {
	local command=classify curcontext=$curcontext expl ret=1
	local -a commands seconds arguments
	commands=(
@commands@
	)
	(( CURRENT == 2 )) && _describe -t commands command commands && ret=0
	if (( CURRENT > 2 && $+commands[(r)$words[2]:*] )); then
		command=$words[2]
@seconds@
		if (( $#seconds && CURRENT == 3 )); then
			_describe -t commands word seconds
			return
		elif (( $#seconds )); then
			command+=" $words[3]"
			shift words
			(( CURRENT-- ))
		fi
		shift words
		(( CURRENT-- ))
	fi
	case $command in
@arguments@
	esac
	curcontext=${curcontext%:*:*}:clipcls-${command// /-}:
	_arguments -s -S : $arguments && ret=0
	return ret
}

# Sourced, this file defines the completion; as a function of fpath it is the completion.
if [[ $funcstack[1] == _clipcls ]]; then
	_clipcls "$@"
else
	compdef _clipcls clipcls
fi

# Completion of clipcls(1) for bash, written by 'clipcls completion bash'.

# The second words of a command that has two: into words.
_clipcls_seconds() {
	words=''
@seconds@
	return 0
}

# The options of a command, and those of them that take a value.
_clipcls_options() {
	case $1 in
@options@
	esac
}

# What may stand as the value of an option ($2) of a command ($1); '' stands for the operands.
_clipcls_offer() {
	words='' kinds=''
	case $1 in
@offers@
	esac
}

# The words up to the cursor into line. Bash cuts them at "=": --option=VALUE is put together again.
_clipcls_line() {
	local i word
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((${#line[@]} > 0)) && [[ ${line[-1]} == --*= || ($word == '=' && ${line[-1]} == --?*) ]]; then
			line[-1]+=$word
		else
			line+=("$word")
		fi
	done
}

# Of the words before the cursor: option is the one whose value comes next, ended is set behind "--".
_clipcls_walk() {
	local word
	option='' ended=''
	for word; do
		if [[ -n $option ]]; then
			option=''
		elif [[ $word == -- ]]; then
			ended=yes
			return
		elif [[ $word == --* ]]; then
			[[ " $valued " == *" $word "* ]] && option=$word
		elif [[ $word == -* ]]; then
			# Letters stand together; one with a value takes the rest of the word, or else the next one.
			while word=${word:1} && [[ -n $word ]]; do
				[[ " $valued " == *" -${word:0:1} "* ]] || continue
				((${#word} == 1)) && option=-$word
				break
			done
		fi
	done
}

# The catalogue's models whose line begins with a mark: * = downloaded.
_clipcls_models() {
	clipcls models 2>/dev/null | sed -n "s/^$1 \([A-Za-z0-9._-]*\) .*/\1/p"
}

# COMPREPLY for a value, of words and kinds; prefix is what goes before it in the same word.
_clipcls_reply() {
	local value=$1 prefix=$2
	case $kinds in
	*downloaded*) words+=" $(_clipcls_models '[*]')" ;;
	*catalogue*) words+=" $(_clipcls_models '[* ]')" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "$value")
	if [[ $kinds == *directories* ]]; then
		compopt -o dirnames
	elif [[ $kinds == *files* && ${#COMPREPLY[@]} == 0 && -z $prefix ]]; then
		# Readline's own knows about quotes.
		compopt -o default
	elif [[ $kinds == *files* ]]; then
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -P "$prefix" -f -- "$value")
		compopt -o filenames
	fi
}

_clipcls() {
	local command=classify option ended options valued words kinds cur prefix='' more=''
	local -a line=()
@commands@
	COMPREPLY=()
	_clipcls_line
	cur=${line[-1]}
	unset 'line[-1]'
	if ((${#line[@]} == 0)); then
		more=" $commands"
	elif [[ " $commands " == *" ${line[0]} "* ]]; then
		command=${line[0]}
		line=("${line[@]:1}")
		_clipcls_seconds "$command"
		if [[ -n $words && ${#line[@]} == 0 ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
			return
		elif [[ -n $words ]]; then
			command+=" ${line[0]}"
			line=("${line[@]:1}")
		fi
	fi
	_clipcls_options "$command"
	_clipcls_walk "${line[@]}"
	if [[ -n $option ]]; then
		_clipcls_offer "$command" "$option"
	elif [[ -z $ended && $cur == --*=* ]]; then
		_clipcls_offer "$command" "${cur%%=*}"
		[[ ${COMP_WORDS[COMP_CWORD]} == "$cur" ]] && prefix=${cur%%=*}=
		cur=${cur#*=}
	elif [[ -z $ended && $cur == -* ]]; then
		words=$options kinds=''
	else
		_clipcls_offer "$command" ''
		words+=$more
	fi
	_clipcls_reply "$cur" "$prefix"
}
complete -F _clipcls clipcls

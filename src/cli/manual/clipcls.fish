# Completion of clipcls(1) for fish, written by 'clipcls completion fish'.

# Whether the word at the cursor is the first one.
function __clipcls_first
    test (count (commandline -opc)) -eq 1
end

# Whether the command of this line is one of these; the first word alone where a second is missing.
function __clipcls_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l command classify
    if contains -- "$words[1]" $__clipcls_commands
        set command $words[1]
        if set -q words[2]; and contains -- "$words[1..2]" $__clipcls_pairs
            set command "$words[1..2]"
        end
    end
    contains -- $command $argv
end

# The catalogue's models whose line begins with a mark: * = downloaded.
function __clipcls_models
    clipcls models 2>/dev/null | string match -rg "^$argv[1] ([A-Za-z0-9._-]+) "
end

@names@
@commands@
@options@
@operands@

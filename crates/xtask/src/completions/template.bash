# Completions of @PROGRAM@ for bash, made by `make gen`.
_@FUNCTION@() {
    local current=$2 previous=$3 command=@PROGRAM@ options='' value=files taken='' word
    COMPREPLY=()
    # --option=value is three words.
    [[ $current == '=' ]] && current=''
    [[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD-2]}
@DESCEND@
    case $command in
@TABLES@
    esac
    if [[ $previous == *[\<\>]* || " ${COMP_WORDS[*]:1:COMP_CWORD-1} " == *' -- '* ]]; then
        return
    elif [[ -z $taken && ( $current == -* || ( -z $current && $value == nothing ) ) ]]; then
        value="words:$options"
    fi
    case $value in
        words:*) COMPREPLY=($(compgen -W "${value#words:}" -- "$current")) ;;
        files) return ;;
        folders)
            compopt -o dirnames +o default +o bashdefault 2>/dev/null
            return
            ;;
    esac
    # Where no file is expected, none is offered.
    compopt +o default +o bashdefault 2>/dev/null
}
complete -F _@FUNCTION@ -o bashdefault -o default -o nosort @PROGRAM@ 2>/dev/null ||
    complete -F _@FUNCTION@ -o bashdefault -o default @PROGRAM@

/** The completion of zsh, as a file of its $fpath or to be sourced. */
import type { Completable, Grammar } from './completion.ts';

/** Put into $fpath it is called as the completion itself; sourced, it has to say what it is for. */
const TAIL = `
if [ "$funcstack[1]" = "_claude-slack-hook" ]; then
  _claude_slack_hook "$@"
else
  compdef _claude_slack_hook claude-slack-hook
fi
`;

export function zshScript({ flags, verbs }: Grammar): string {
  const rows = verbs.map(({ name, words, flags: own }) => {
    const specs = [...own.flatMap(specsOf), ...(words.length === 0 ? [] : [quoted(`1: :(${words.join(' ')})`)])];
    return `      ${name}) _arguments -S ${specs.join(' ')} ;;`;
  });
  return `#compdef claude-slack-hook
# zsh completion for claude-slack-hook: save it as _claude-slack-hook in a directory of $fpath
_claude_slack_hook() {
  local -a verbs
  verbs=(
${verbs.map(({ name, help }) => `    ${quoted(`${name}:${help.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  if (( CURRENT > 2 )) && (( \${verbs[(I)$words[2]:*]} )); then
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    case $verb in
${rows.join('\n')}
    esac
    return
  fi
  (( CURRENT == 2 )) && [[ $words[2] != -* ]] && _describe verb verbs
  _arguments -S ${flags.flatMap(specsOf).join(' ')}
}
${TAIL}`;
}

/** One specification for each name; the other names are no longer offered once one is there. */
function specsOf({ names, help, value }: Completable): readonly string[] {
  const others = names.length === 1 ? '' : `(${names.join(' ')})`;
  const about = help.replace(/[[\]\\:]/g, '\\$&');
  return names.map((name) => {
    const equals = value !== undefined && name.startsWith('--') ? '=' : '';
    return quoted(`${others}${name}${equals}[${about}]${action(value)}`);
  });
}

function action(value: Completable['value']): string {
  if (value === undefined) return '';
  if (value === 'file') return ':file:_files';
  return value === 'any' ? ':value: ' : `:value:(${value.join(' ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

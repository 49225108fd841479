/** The completion of bash; also of 3.2, which macOS has. */
import type { Completable, Grammar } from './completion.ts';

const HEAD = `# bash completion for claude-slack-hook; load it with: source <(claude-slack-hook completion bash)
_claude_slack_hook() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} IFS=$' \\t\\n'
  COMPREPLY=()
  # In --flag=value the equals sign is a word of its own.
  if [ "$cur" = = ]; then
    cur=
  elif [ "$prev" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
`;

export function bashScript({ flags, verbs }: Grammar): string {
  const all = new Map<string, Completable>();
  for (const flag of [...flags, ...verbs.flatMap((verb) => verb.flags)]) all.set(flag.names.join(), flag);
  const values = [...all.values()].flatMap((flag) => {
    const found = candidates(flag);
    return found === undefined ? [] : [`    ${flag.names.join('|')})${found} return ;;`];
  });
  const rows = verbs.map(({ name, words, flags: own }) => {
    const behind = words.length === 0 ? '' : ` [ "$COMP_CWORD" -eq 2 ] && words='${words.join(' ')}';`;
    return `    ${name})${behind} flags='${namesOf(own)}' ;;`;
  });
  return `${HEAD}  case $prev in
${values.join('\n')}
  esac
  local words= flags='${namesOf(flags)}'
  [ "$COMP_CWORD" -eq 1 ] && words='${verbs.map(({ name }) => name).join(' ')}'
  [ "$COMP_CWORD" -gt 1 ] && case \${COMP_WORDS[1]} in
${rows.join('\n')}
  esac
  case $cur in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
  esac
}
complete -F _claude_slack_hook claude-slack-hook
`;
}

/** What to do when the word before is this flag; undefined for a switch. */
function candidates({ value }: Completable): string | undefined {
  if (value === undefined) return undefined;
  if (value === 'any') return '';
  // File names may hold spaces.
  if (value === 'file') return ` IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"));`;
  return ` COMPREPLY=($(compgen -W '${value.join(' ')}' -- "$cur"));`;
}

function namesOf(flags: readonly Completable[]): string {
  return flags.flatMap(({ names }) => names).join(' ');
}

/** Another user of this machine: only root can become one. */
export const NOBODY = 65_534;

export const IS_ROOT = process.getuid?.() === 0;

/** Runs a command as that user, where we are root; as ourselves, who are not root either, elsewhere. */
export function asNobody(...command: readonly string[]): readonly string[] {
  const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'];
  return IS_ROOT ? [...become, ...command] : command;
}

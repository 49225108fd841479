/** The name of a directory, which is a project's; undefined for none. Without a regular expression: one that looks for the end of many slashes takes minutes. */
export function lastPart(path: string): string | undefined {
  return path.split(/[/\\]/).findLast((part) => part !== '');
}

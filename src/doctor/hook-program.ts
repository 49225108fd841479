/** Whether the program of a hook could be started. */
import { accessSync, constants, statSync } from 'node:fs';

export type ProgramState = 'runs' | 'missing' | 'not-executable' | 'relative';

/** @param path the folders of PATH @returns looks, and starts nothing */
export function createProbe(home: string, path: string | undefined): (program: string) => ProgramState {
  return (program) => {
    if (program.includes('\0')) return 'missing';
    const expanded = program === '~' || program.startsWith('~/') ? `${home}${program.slice(1)}` : program;
    if (expanded.startsWith('/')) return stateOf(expanded);
    if (expanded.includes('/')) return 'relative';
    const folders = (path ?? '').split(':').filter((folder) => folder.startsWith('/'));
    const states = folders.map((folder) => stateOf(`${folder}/${expanded}`));
    return states.includes('runs') ? 'runs' : (states.find((state) => state === 'not-executable') ?? 'missing');
  };
}

function stateOf(path: string): ProgramState {
  try {
    if (!statSync(path).isFile()) return 'not-executable';
  } catch {
    return 'missing';
  }
  try {
    accessSync(path, constants.X_OK);
    return 'runs';
  } catch {
    return 'not-executable';
  }
}

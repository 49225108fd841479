/** What this machine can tell and bear. */
import { type Check, ok, skipped, warn } from './check.ts';

export interface MachineFacts {
  readonly screen: {
    readonly state: 'locked' | 'unlocked' | 'unknown';
    readonly detector: string;
    readonly reason: string;
  };
  /** `--only-screen-lock`: an unknown state means that Slack is never asked. */
  readonly isScreenAsked: boolean;
  /** How many files a daemon may have open at once. */
  readonly descriptors: number;
}

/** Every waiting hook takes one, and so does every idle connection, of which 256 are kept. */
const MIN_DESCRIPTORS = 512;

/** Neither keeps anybody from being asked; both may explain why nobody was. */
export function checkMachine({ screen, isScreenAsked, descriptors }: MachineFacts): readonly Check[] {
  const { state, detector, reason } = screen;
  const why = reason === '' ? '' : `: ${reason}`;
  return [
    state !== 'unknown'
      ? ok('screen', `screen: ${state} (${detector}${why})`)
      : isScreenAsked
        ? warn(
            'screen',
            `screen: nobody knows whether it is locked${why}; with --only-screen-lock nothing is asked in Slack then`,
            'Give --lock-command, or leave --only-screen-lock out.',
          )
        : skipped('screen', `screen: nobody knows whether it is locked${why}; only --only-screen-lock would need it`),
    descriptors < MIN_DESCRIPTORS
      ? warn(
          'descriptors',
          `open files: at most ${descriptors}; many hooks at once may find no room`,
          'Raise the hard limit: ulimit -Hn 4096 or more.',
        )
      : ok('descriptors', `open files: at most ${descriptors}`),
  ];
}

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Run } from '../../src/screen/detector.ts';
import { readConsoleUsers } from '../../src/screen/mac.ts';
import { detectScreenLock } from '../../src/screen/screen.ts';

interface User {
  readonly uid: number;
  readonly isOnConsole: boolean;
  /** What follows the key; without it there is no key. */
  readonly locked?: string;
}

/** What `ioreg -n Root -d1 -a` prints. Written from documentation and other people's listings, not recorded on a Mac. */
function plist(...users: readonly User[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>IOBusyInterest</key>
	<string>IOCommand is not serializable</string>
	<key>IOConsoleLocked</key>
	<false/>
	<key>IOConsoleUsers</key>
	<array>
${users.map(entry).join('\n')}
	</array>
	<key>IOKitBuildVersion</key>
	<string>Darwin Kernel Version 24.1.0 &lt;RELEASE&gt;</string>
	<key>IOKitDiagnostics</key>
	<dict>
		<key>Classes</key>
		<dict>
			<key>IOService</key>
			<integer>0</integer>
		</dict>
		<key>Container allocation</key>
		<integer>5242880</integer>
	</dict>
	<key>IORegistryPlanes</key>
	<dict>
		<key>IOService</key>
		<string>IOService</string>
	</dict>
	<key>IOSomething</key>
	<data>
	AAECAwQF
	</data>
	<key>IONothing</key>
	<array/>
</dict>
</plist>
`;
}

function entry({ uid, isOnConsole, locked }: User): string {
  return `		<dict>
${locked === undefined ? '' : `			<key>CGSSessionScreenIsLocked</key>\n			${locked}\n			<key>CGSSessionScreenLockedTime</key>\n			<integer>1732270000</integer>\n`}			<key>kCGSSessionAuditIDKey</key>
			<integer>100004</integer>
			<key>kCGSSessionGroupIDKey</key>
			<integer>20</integer>
			<key>kCGSSessionIDKey</key>
			<integer>257</integer>
			<key>kCGSSessionOnConsoleKey</key>
			<${isOnConsole}/>
			<key>kCGSSessionSystemSafeBoot</key>
			<false/>
			<key>kCGSSessionUserIDKey</key>
			<integer>${uid}</integer>
			<key>kCGSSessionUserNameKey</key>
			<string>user${uid}</string>
			<key>kCGSessionLoginDoneKey</key>
			<true/>
			<key>kSCSecuritySessionID</key>
			<integer>100004</integer>
		</dict>`;
}

describe('the I/O registry', () => {
  test('says locked when the key is there and true, as a boolean or a number', () => {
    for (const locked of ['<true/>', '<integer>1</integer>']) {
      expect(readConsoleUsers(plist({ uid: 501, isOnConsole: true, locked }), 501)).toMatchObject({
        verdict: 'yes',
        reason: 'the screen is locked',
      });
    }
  });

  test('says unlocked when the key is absent, or false', () => {
    expect(readConsoleUsers(plist({ uid: 501, isOnConsole: true }), 501)).toMatchObject({ verdict: 'no' });
    expect(readConsoleUsers(plist({ uid: 501, isOnConsole: true, locked: '<false/>' }), 501)).toMatchObject({
      verdict: 'no',
    });
  });

  test('is read for our user, not for the first one', () => {
    const users = [
      { uid: 502, isOnConsole: false, locked: '<true/>' },
      { uid: 501, isOnConsole: true },
    ] as const;
    expect(readConsoleUsers(plist(...users), 501)).toMatchObject({ verdict: 'no' });
  });

  test('that has another user on the console says that ours is away', () => {
    const users = [
      { uid: 502, isOnConsole: true },
      { uid: 501, isOnConsole: false },
    ] as const;
    expect(readConsoleUsers(plist(...users), 501)).toMatchObject({
      verdict: 'yes',
      reason: 'another user is on the console',
    });
  });

  test('without a session of ours is unknown', () => {
    expect(readConsoleUsers(plist({ uid: 502, isOnConsole: true, locked: '<true/>' }), 501)).toMatchObject({
      verdict: 'unknown',
    });
    expect(readConsoleUsers(plist(), 501)).toMatchObject({
      verdict: 'unknown',
      reason: 'no graphical session of user 501',
    });
  });

  test('that is not a property list is unknown', () => {
    const whole = plist({ uid: 501, isOnConsole: true });
    for (const text of [
      '',
      'ioreg: error',
      '<plist/>',
      '<dict/>',
      '<array></array>',
      whole.slice(0, 300),
      '<dict><key>IOConsoleUsers</key><string>x</string></dict>',
    ]) {
      expect(readConsoleUsers(text, 501)).toMatchObject({ verdict: 'unknown' });
    }
  });

  test('is read without an error and without a hang, whatever it says', () => {
    const tag = fc.constantFrom(
      '<dict>',
      '</dict>',
      '<array>',
      '</array>',
      '<key>IOConsoleUsers</key>',
      '<integer>501</integer>',
      '<true/>',
      '<true>',
      '<dict/>',
      '<',
      'x',
    );
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 40 }), (tags) =>
        ['yes', 'no', 'unknown'].includes(readConsoleUsers(tags.join(''), 501).verdict),
      ),
    );
    expect(readConsoleUsers('<array>'.repeat(200_000), 501).verdict).toBe('unknown');
  });
});

describe('on macOS', () => {
  const saying =
    (stdout: string, ran: string[][] = []): Run =>
    (command) => {
      ran.push([...command]);
      return Promise.resolve({ exitCode: 0, stdout });
    };
  const detect = (run: Run) => detectScreenLock({ env: {}, platform: 'darwin', uid: 501, run });

  test('ioreg is asked, by its full path', async () => {
    const ran: string[][] = [];
    expect(await detect(saying(plist({ uid: 501, isOnConsole: true, locked: '<true/>' }), ran))).toMatchObject({
      state: 'locked',
      detector: 'ioreg',
    });
    expect(ran).toEqual([['/usr/sbin/ioreg', '-n', 'Root', '-d1', '-a']]);
    expect(await detect(saying(plist({ uid: 501, isOnConsole: true })))).toMatchObject({
      state: 'unlocked',
      detector: 'ioreg',
    });
    expect(await detect(saying(''))).toMatchObject({
      state: 'unknown',
      detector: 'none',
      reason: 'ioreg: no IOConsoleUsers in its answer',
    });
  });

  test('an ioreg that cannot be started is unknown', async () => {
    expect(await detect(() => Promise.reject(new Error('ENOENT')))).toMatchObject({
      state: 'unknown',
      reason: 'ioreg: ENOENT',
    });
  });
});

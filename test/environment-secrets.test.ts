import { describe, expect, test } from 'bun:test';
import { secretsIn } from '../src/environment-secrets.ts';

const VALUE = 'hunter2hunter2';
const found = (command: string, env: Record<string, string | undefined>) =>
  secretsIn(JSON.stringify({ tool_input: { command } }), env);

describe('a value of the environment is a secret', () => {
  test.each([
    ...['GITHUB_TOKEN', 'npm_config_authtoken', 'CLIENT_SECRET', 'PGPASSWORD', 'DB_PASSWD', 'OPENAI_APIKEY'],
    ...['STRIPE_API_KEY', 'Aws_Credentials'],
  ])('when its variable is called %s and it stands in the call', (name) => {
    expect(found(`curl -u me:${VALUE} x`, { [name]: VALUE, HOME: '/home/dev' })).toEqual([VALUE]);
    expect(found('curl x', { [name]: VALUE })).toEqual([]);
  });

  test('not when the name tells nothing', () => {
    expect(found(`echo ${VALUE}`, { USER_NAME: VALUE, PATH: VALUE, MONKEY: VALUE })).toEqual([]);
  });

  test('not when it is so short that it is found by chance', () => {
    expect(found('echo 1234567', { PIN_SECRET: '1234567' })).toEqual([]);
    expect(found('echo 12345678', { PIN_SECRET: '12345678' })).toEqual(['12345678']);
  });

  test('not when it names a file, is empty or is not set', () => {
    const env = { SSH_KEY: '/home/dev/.ssh/id_ed25519', GPG_KEY: '~/.gnupg/key', A_TOKEN: '', B_TOKEN: undefined };
    expect(found('cat /home/dev/.ssh/id_ed25519 ~/.gnupg/key', env)).toEqual([]);
  });

  test('also with characters that JSON writes in another way', () => {
    const odd = 'say "hi"\\\n\ttwice';
    expect(found(`printf '${odd}'`, { ODD_SECRET: odd })).toEqual([odd]);
  });

  test('each of several', () => {
    const env = { A_TOKEN: 'aaaaaaaaaa', B_TOKEN: 'bbbbbbbbbb', C_TOKEN: 'cccccccccc' };
    expect(found('x bbbbbbbbbb aaaaaaaaaa', env)).toEqual(['aaaaaaaaaa', 'bbbbbbbbbb']);
  });
});

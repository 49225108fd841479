import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { creationLink, manifest, SCOPES } from '../../src/setup/slack-app.ts';

test('the manifest is the one in the documents, and asks for the scopes that are explained there, no more', () => {
  const words = readFileSync(join(import.meta.dir, '../../docs/by-hand.md'), 'utf8');
  expect(words).toContain(`\`\`\`yaml\n${manifest()}\`\`\``);
  const { oauth_config, settings } = Bun.YAML.parse(manifest()) as {
    oauth_config: { scopes: { bot: readonly string[] } };
    settings: Record<string, unknown>;
  };
  expect(oauth_config.scopes.bot).toEqual(SCOPES.map(({ scope }) => scope));
  for (const { scope } of SCOPES) expect(words.split('```').at(2)).toContain(`\`${scope}\``);
  expect(settings).toMatchObject({ socket_mode_enabled: true, token_rotation_enabled: false });
});

test('the link opens Slack’s page with that manifest, and is short enough for a browser', () => {
  const link = new URL(creationLink());
  expect(`${link.origin}${link.pathname}`).toBe('https://api.slack.com/apps');
  expect(link.searchParams.get('manifest_yaml')).toBe(manifest());
  expect(link.searchParams.get('new_app')).toBe('1');
  expect(link.href.length).toBeLessThan(2_000);
});

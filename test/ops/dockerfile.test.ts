/** The image: what can be said of it without building it. Its health check is run as it stands there. */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';

const ROOT = join(import.meta.dir, '../..');
const TEXT = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const dockerfile = DockerfileParser.parse(TEXT);
const instructions = dockerfile.getInstructions();

const named = (keyword: string): readonly Instruction[] =>
  instructions.filter((instruction) => instruction.getKeyword() === keyword);
const argumentsOf = (keyword: string): readonly string[] =>
  named(keyword).map((instruction) => instruction.getArgumentsContent() ?? '');
/** The words of a command in its exec form; throws for one in the shell's. */
const wordsOf = (text: string | null | undefined): readonly string[] => JSON.parse(text ?? '');
/** The last stage: what is shipped. */
const shipped = instructions.slice(instructions.findLastIndex((each) => each.getKeyword() === 'FROM'));
const inShipped = (keyword: string): Instruction | undefined =>
  shipped.find((instruction) => instruction.getKeyword() === keyword);

describe('the Dockerfile', () => {
  test('is one that the linter has nothing to say about', () => {
    expect(validate(TEXT).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  test('takes bases of a fixed release, never the latest, and nothing from a URL', () => {
    const bases = argumentsOf('ARG').map((text) => text.split('=')[1] ?? '');
    expect(bases).toEqual(['node:20-bookworm-slim', 'debian:bookworm-slim']);
    expect(argumentsOf('FROM')).toEqual([`$\{NODE_IMAGE} AS build`, `$\{BASE_IMAGE}`]);
    expect(named('ADD')).toEqual([]);
    expect(argumentsOf('RUN').join('\n')).not.toMatch(/(curl|wget|apt-get|pip) /);
  });

  test('runs as a user with a number, who is not root, and holds no secret', () => {
    expect(inShipped('USER')?.getArgumentsContent()).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    expect(shipped.findIndex((each) => each.getKeyword() === 'USER')).toBeGreaterThan(
      shipped.findLastIndex((each) => each.getKeyword() === 'COPY'),
    );
    for (const text of [...argumentsOf('ENV'), ...argumentsOf('ARG')])
      expect(text).not.toMatch(/KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL/i);
  });

  test('starts the program itself, so that it gets the signal to stop, and says where it listens', () => {
    expect(wordsOf(inShipped('ENTRYPOINT')?.getArgumentsContent())).toEqual(['claude-slack-hook']);
    expect(wordsOf(inShipped('CMD')?.getArgumentsContent())).toEqual(['collect']);
    expect(inShipped('STOPSIGNAL')?.getArgumentsContent()).toBe('SIGTERM');
    expect(inShipped('EXPOSE')?.getArgumentsContent()).toBe('8080');
    expect(inShipped('ENV')?.getArgumentsContent()).toMatch(/^HOST=0\.0\.0\.0[\s\S]*PORT=8080/);
    expect(named('SHELL')).toEqual([]);
  });

  test('copies nothing that .dockerignore keeps out, and that keeps out all that is not named', () => {
    const [first, ...rest] = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    const kept = new Set(rest.filter((line) => line.startsWith('!')).map((line) => line.slice(1)));
    const copied = named('COPY')
      .filter((copy) => !copy.getTextContent().includes('--from='))
      .flatMap((copy) => (copy.getArgumentsContent() ?? '').split(/\s+/).slice(0, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied)
      expect([path, kept.has(path) || kept.has(path.split('/')[0] ?? '')]).toEqual([path, true]);
  });
});

describe('its health check', () => {
  const [flags = '', exec] = (inShipped('HEALTHCHECK')?.getTextContent() ?? '').split(/\s+CMD\s+/);
  const command = wordsOf(exec);
  const ask = (port: number | undefined): Promise<number> =>
    Bun.spawn([...command], {
      env: { PATH: process.env.PATH ?? '', PORT: String(port) },
      stdio: ['ignore', 'ignore', 'ignore'],
    }).exited;

  const run = async (status: number): Promise<number> => {
    const asked: string[] = [];
    using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request) => {
        asked.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get('host')}`);
        return Response.json({}, { status });
      },
    });
    const exitCode = await ask(server.port);
    expect(asked).toEqual(['GET /health localhost']);
    return exitCode;
  };

  test('is bounded in time', () => {
    expect(flags).toMatch(/^HEALTHCHECK --interval=\d+s --timeout=\d+s --start-period=\d+s .*--retries=\d\b/);
  });

  test('is content with 200, and not with 503', async () => {
    expect(command.slice(0, 2)).toEqual(['bash', '-c']);
    expect(await run(200)).toBe(0);
    expect(await run(503)).not.toBe(0);
  });

  test('fails where nobody listens', async () => {
    const closed = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
    await closed.stop(true);
    expect(await ask(closed.port)).not.toBe(0);
  });
});

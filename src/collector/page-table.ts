/** A table that becomes a list on narrow screens, where each row is a block with its headings beside the values. */
import { type Html, h } from './html.ts';

export interface Column {
  readonly name: string;
  readonly isNumber?: true;
}

export interface Row {
  readonly head: readonly (Html | string | null)[];
  /** One for each column but the first. */
  readonly cells: readonly (Html | string)[];
}

/**
 * The first column names the rows. The roles say again what the elements are: browsers forget it of those that are laid
 * out as blocks.
 * @param caption for those who do not see it
 */
export function table(caption: string, columns: readonly Column[], rows: readonly Row[]): Html {
  return h(
    'table',
    { class: 'reflow', role: 'table' },
    h('caption', { class: 'only-heard' }, caption),
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        ...columns.map((column) =>
          h('th', { role: 'columnheader', scope: 'col', class: classOf(column) }, column.name),
        ),
      ),
    ),
    h('tbody', { role: 'rowgroup' }, ...rows.map((row) => tableRow(columns.slice(1), row))),
  );
}

function tableRow(columns: readonly Column[], { head, cells }: Row): Html {
  return h(
    'tr',
    { role: 'row' },
    h('th', { role: 'rowheader', scope: 'row' }, ...head),
    ...columns.map((column, index) =>
      h('td', { role: 'cell', class: classOf(column), 'data-label': column.name }, cells[index] ?? ''),
    ),
  );
}

function classOf({ isNumber }: Column): string | undefined {
  return isNumber === true ? 'number' : undefined;
}

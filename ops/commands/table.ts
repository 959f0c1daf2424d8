/**
 * Rows as aligned columns below a heading. The first row names the columns; undefined and null are
 * shown as a dash.
 */
export function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => cell(row[name])))];
  const widths = names.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '-';
  // What people wrote must not act on the terminal.
  return value instanceof Date ? value.toISOString() : String(value).replaceAll(/\p{Cc}/gu, '�');
}

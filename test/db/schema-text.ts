import type { Statement } from '../../db/client/pool.ts';

/**
 * Writes the tables of a database as SQL, from its catalogue: the result of the migrations. The
 * catalogue is used instead of pg_dump because every server has it, and because the output of
 * pg_dump differs from version to version. Bodies of routines and views are left out: they are in
 * db/procedures and db/views.
 */

const SCHEMAS = ['catalog', 'regular', 'hot'] as const;
const ORDER_SCHEMAS = ['regular', 'hot'] as const;

/** The statements, in the order of the text. */
const STATEMENTS = `
  WITH relation AS (
    SELECT c.oid, c.relname AS name, c.relkind AS kind, c.relnamespace::regnamespace::text AS schema,
           format('%I.%I', c.relnamespace::regnamespace, c.relname) AS path,
           c.relpersistence, c.reloptions, c.relacl, c.relowner
    FROM pg_class c
    WHERE c.relnamespace::regnamespace::text = $1 AND NOT c.relispartition
  ), line AS (
    SELECT a.attrelid AS oid, a.attnum AS at,
           format('  %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attcollation <> t.typcollation THEN
                    ' COLLATE ' || (SELECT quote_ident(o.collname) FROM pg_collation o
                                    WHERE o.oid = a.attcollation) END,
                  CASE WHEN d.oid IS NOT NULL THEN CASE a.attgenerated
                    WHEN 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
                    ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END END,
                  CASE WHEN a.attnotnull THEN ' NOT NULL' END) AS text,
           coalesce('  -- ' || replace(col_description(a.attrelid, a.attnum), E'\\n', ' ') || E'\\n', '')
             AS comment
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT k.conrelid, 10000 + row_number() OVER (ORDER BY k.contype <> 'p', k.conname),
           format('  CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ''
    FROM pg_constraint k
    -- NOT NULL is said with the column; later versions of PostgreSQL count it among these.
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conrelid <> 0
  ), statement AS (
    SELECT 1 AS part, s.seqrelid::regclass::text AS name, 0 AS at,
           format('CREATE SEQUENCE %s AS %s START %s INCREMENT %s%s;', r.path, s.seqtypid::regtype,
                  s.seqstart, s.seqincrement, CASE WHEN s.seqcycle THEN ' CYCLE' END) AS text
    FROM pg_sequence s JOIN relation r ON r.oid = s.seqrelid
    UNION ALL
    SELECT 2, r.name, 0,
           coalesce('-- ' || replace(obj_description(r.oid, 'pg_class'), E'\\n', ' ') || E'\\n', '')
           || format(E'CREATE %sTABLE %s (\\n%s\\n)%s%s;',
                     CASE r.relpersistence WHEN 'u' THEN 'UNLOGGED ' END, r.path,
                     (SELECT string_agg(l.comment || l.text, E',\\n' ORDER BY l.at)
                      FROM line l WHERE l.oid = r.oid),
                     ' PARTITION BY ' || pg_get_partkeydef(r.oid),
                     ' WITH (' || array_to_string(r.reloptions, ', ') || ')')
    FROM relation r WHERE r.kind IN ('r', 'p')
    UNION ALL
    SELECT 2, r.name, 1, pg_get_indexdef(i.indexrelid) || ';'
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    UNION ALL
    SELECT 2, r.name, 2, pg_get_triggerdef(t.oid) || ';'
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL
    SELECT 3, r.name, 0,
           coalesce('-- ' || replace(obj_description(r.oid, 'pg_class'), E'\\n', ' ') || E'\\n', '')
           || format(E'-- VIEW %s (\\n%s\\n-- );', r.path, (
                SELECT string_agg('--' || l.text, E'\\n' ORDER BY l.at) FROM line l WHERE l.oid = r.oid))
    FROM relation r WHERE r.kind = 'v'
    UNION ALL
    SELECT 4, n.nspname, 0, format('GRANT %s ON SCHEMA %I TO %s;',
             string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type), n.nspname,
             CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) g
    WHERE n.nspname = $1 AND g.grantee <> n.nspowner
    GROUP BY n.nspname, g.grantee
    UNION ALL
    SELECT 4, r.name, 1, format('GRANT %s ON %s TO %s;',
             string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type), r.path,
             CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
    FROM relation r CROSS JOIN LATERAL aclexplode(r.relacl) g
    WHERE g.grantee <> r.relowner
    GROUP BY r.name, r.path, g.grantee
    UNION ALL
    SELECT 5, r.name, 0, format('ALTER TABLE %s OWNER TO %s;', r.path, r.relowner::regrole)
    FROM relation r
    WHERE r.kind IN ('r', 'p', 'v', 'S') AND r.relowner::regrole::text <> 'flashsale_owner'
  )
  SELECT s.text FROM statement s ORDER BY s.part, s.name COLLATE "C", s.at, s.text COLLATE "C"`;

const HEAD = `-- The tables of a database as the migrations have left them. Written by: npm run schema
-- :schema stands for regular and for hot, which have the same tables. Everything belongs to
-- flashsale_owner. Routines are in db/procedures, the texts of views in db/views. Sales have partitions
-- of their own, which create_sale makes.
`;

type Ask = (statement: Statement) => Promise<Record<string, unknown>[]>;

export async function schemaText(ask: Ask): Promise<string> {
  const texts = new Map<string, string[]>();
  for (const schema of SCHEMAS) {
    const rows = await ask({ text: STATEMENTS, values: [schema] });
    texts.set(
      schema,
      rows.map(({ text }) => String(text)),
    );
  }
  const of = (schema: string) => texts.get(schema) ?? [];
  // Objects that both schemas have are written once.
  const general = (schema: string) => {
    const name = new RegExp(`\\b${schema}(?=\\.)|(?<=SCHEMA )${schema}\\b`, 'g');
    return of(schema).map((text) => text.replaceAll(name, ':schema'));
  };
  const [regular, hot] = ORDER_SCHEMAS.map(general) as [string[], string[]];
  const common = regular.filter((text) => hot.includes(text));
  const own = ORDER_SCHEMAS.flatMap((schema) =>
    of(schema).filter((_, at) => !common.includes(general(schema)[at] ?? '')),
  );
  return `${[HEAD.trimEnd(), ...of('catalog'), ...own, ...common].join('\n\n')}\n`;
}

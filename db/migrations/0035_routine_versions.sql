-- Kept versions of routines and views, rollbacks to them, and a canary for every routine.
--
-- catalog.canary, and the columns of catalog.sku_terms that copy it, belong to release 0.1.0: only its version
-- of place_orders reads them. They stay as long as that version may be installed, and a later migration drops
-- them (docs/upgrading.md).

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.routine_version (
  schema         text COLLATE "C" NOT NULL,
  name           text COLLATE "C" NOT NULL,
  version        int NOT NULL CHECK (version > 0),
  source         text NOT NULL,
  definition_md5 text NOT NULL,
  origin         text COLLATE "C" NOT NULL CHECK (origin IN ('file', 'hand', 'canary')),
  release        text COLLATE "C",
  installed_at   timestamptz NOT NULL DEFAULT now(),
  installed_by   text COLLATE "C" NOT NULL DEFAULT session_user,
  PRIMARY KEY (schema, name, version)
);
COMMENT ON TABLE catalog.routine_version IS
  'Each version that a routine or view has had, with its source. The installer keeps the newest ones';
COMMENT ON COLUMN catalog.routine_version.schema IS 'Schema of the routine or view';
COMMENT ON COLUMN catalog.routine_version.name IS 'Name of the routine or view';
COMMENT ON COLUMN catalog.routine_version.version IS 'Number of the version, ascending from 1';
COMMENT ON COLUMN catalog.routine_version.source IS
  'The definition as PostgreSQL shows it: pg_get_functiondef, or pg_get_viewdef';
COMMENT ON COLUMN catalog.routine_version.definition_md5 IS 'MD5 hash of source';
COMMENT ON COLUMN catalog.routine_version.origin IS
  'file: the installer; hand: somebody with psql, found by the installer later; canary: canary promote';
COMMENT ON COLUMN catalog.routine_version.release IS
  'Version of the software that installed it; NULL: by hand, or by a release that did not keep versions';
COMMENT ON COLUMN catalog.routine_version.installed_at IS
  'When it was installed. By hand: when it was found';
COMMENT ON COLUMN catalog.routine_version.installed_by IS
  'Login that installed it. By hand: login that found it';

CREATE TABLE catalog.routine_pin (
  schema    text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL,
  version   int NOT NULL,
  released  boolean NOT NULL DEFAULT false,
  pinned_at timestamptz NOT NULL DEFAULT now(),
  pinned_by text COLLATE "C" NOT NULL,
  reason    text NOT NULL,
  PRIMARY KEY (schema, name),
  FOREIGN KEY (schema, name, version) REFERENCES catalog.routine_version
);
COMMENT ON TABLE catalog.routine_pin IS
  'Routines that were rolled back: the installer does not bring a later known version back';
COMMENT ON COLUMN catalog.routine_pin.schema IS 'Schema of the routine or view';
COMMENT ON COLUMN catalog.routine_pin.name IS 'Name of the routine or view';
COMMENT ON COLUMN catalog.routine_pin.version IS 'The version that is in force';
COMMENT ON COLUMN catalog.routine_pin.released IS
  'Whether the next installer may replace it: flashsale db release';
COMMENT ON COLUMN catalog.routine_pin.pinned_at IS 'When it was rolled back';
COMMENT ON COLUMN catalog.routine_pin.pinned_by IS 'The person who rolled it back: user@host';
COMMENT ON COLUMN catalog.routine_pin.reason IS 'Why, in the words of the person';

CREATE TABLE catalog.routine_canary (
  schema        text COLLATE "C" NOT NULL CHECK (schema IN ('regular', 'hot', 'catalog')),
  name          text COLLATE "C" NOT NULL,
  run           bigint GENERATED ALWAYS AS IDENTITY,
  share         double precision NOT NULL CHECK (share BETWEEN 0 AND 1),
  skus          text[] NOT NULL,
  source        text NOT NULL,
  present       text NOT NULL,
  started_at    timestamptz NOT NULL DEFAULT now(),
  started_by    text COLLATE "C" NOT NULL DEFAULT session_user,
  looked_at     timestamptz NOT NULL DEFAULT now(),
  calls         bigint[] NOT NULL DEFAULT '{0,0}',
  failed        bigint[] NOT NULL DEFAULT '{0,0}',
  slow          bigint[] NOT NULL DEFAULT '{0,0}',
  evidence      double precision[] NOT NULL DEFAULT '{0,0}',
  present_us    int[] NOT NULL DEFAULT '{}',
  canary_us     int[] NOT NULL DEFAULT '{}',
  stopped_at    timestamptz,
  stop_reason   text,
  PRIMARY KEY (schema, name)
);
COMMENT ON TABLE catalog.routine_canary IS
  'Second versions of routines that take some of the calls, and how both versions do';
COMMENT ON COLUMN catalog.routine_canary.schema IS 'Schema of the routine';
COMMENT ON COLUMN catalog.routine_canary.name IS 'Name of the routine';
COMMENT ON COLUMN catalog.routine_canary.run IS 'Number of the start of this canary';
COMMENT ON COLUMN catalog.routine_canary.share IS 'Share of the calls that go to the canary, 0 to 1';
COMMENT ON COLUMN catalog.routine_canary.skus IS 'SKUs whose calls always go to the canary';
COMMENT ON COLUMN catalog.routine_canary.source IS 'Text of its file, for canary promote';
COMMENT ON COLUMN catalog.routine_canary.present IS
  'Definition of the present version, which comes back when the canary ends';
COMMENT ON COLUMN catalog.routine_canary.started_at IS 'When the canary was started';
COMMENT ON COLUMN catalog.routine_canary.started_by IS 'Login that started it';
COMMENT ON COLUMN catalog.routine_canary.looked_at IS
  'When judge_canaries looked last; the canary gets no calls when that is a minute ago';
COMMENT ON COLUMN catalog.routine_canary.calls IS
  'Calls that were compared: of the present version, of the canary';
COMMENT ON COLUMN catalog.routine_canary.failed IS 'Failed calls: of the present version, of the canary';
COMMENT ON COLUMN catalog.routine_canary.slow IS
  'Calls longer than nine in ten of the present version: of the present version, of the canary';
COMMENT ON COLUMN catalog.routine_canary.evidence IS
  'Logarithms of the likelihood ratios: that it fails twice as often, that it is slow twice as often';
COMMENT ON COLUMN catalog.routine_canary.present_us IS
  'Microseconds of the last calls of the present version; at most 1000';
COMMENT ON COLUMN catalog.routine_canary.canary_us IS
  'Microseconds of the last calls of the canary; at most 1000';
COMMENT ON COLUMN catalog.routine_canary.stopped_at IS 'When judge_canaries or flashsale db canary stop stopped it; NULL: it runs';
COMMENT ON COLUMN catalog.routine_canary.stop_reason IS 'Why it was stopped; with figures if judge_canaries did';
COMMENT ON SEQUENCE catalog.routine_canary_run_seq IS 'Numbers of starts of canaries';

-- Append-only, no index, not in the WAL, as place_call (docs/decisions/0011).
CREATE UNLOGGED TABLE catalog.canary_call (
  schema    text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL,
  run       bigint NOT NULL,
  is_canary boolean NOT NULL,
  took_us   int
);
COMMENT ON TABLE catalog.canary_call IS
  'Calls of routines that have a canary, until judge_canaries has counted them; lost in a crash';
COMMENT ON COLUMN catalog.canary_call.schema IS 'Schema of the routine';
COMMENT ON COLUMN catalog.canary_call.name IS 'Name of the routine';
COMMENT ON COLUMN catalog.canary_call.run IS 'catalog.routine_canary.run';
COMMENT ON COLUMN catalog.canary_call.is_canary IS 'Whether the canary took the call';
COMMENT ON COLUMN catalog.canary_call.took_us IS
  'Microseconds; NULL: not comparable, as it was one of the first calls of a session, or chosen by SKU';

-- A canary of release 0.1.0 would get no calls from the new place_orders.
DELETE FROM catalog.canary;
-- contract: commands make these functions, and no process calls one that has no row in catalog.canary
DROP FUNCTION IF EXISTS regular.place_orders_canary, hot.place_orders_canary;
COMMENT ON TABLE catalog.canary IS
  'Canaries of release 0.1.0, for its version of place_orders. Now: routine_canary';

RESET ROLE;

import {
  BigValueColorMode,
  LegendDisplayMode,
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as FigureBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** What a dashboard is made of, as far as these dashboards need it. */

/** Units of Grafana. */
export type Unit = 'reqps' | 'ops' | 's' | 'short' | 'bytes' | 'Bps' | 'percentunit';

export interface PanelFacts {
  readonly title: string;
  /** What the figure means, and what to do if it is bad. */
  readonly description: string;
  readonly unit: Unit;
  /** PromQL by the name of each line; the name may have labels as `{{sku}}`. */
  readonly queries: Readonly<Record<string, string>>;
  /** Columns of 24. */
  readonly width?: number;
}

interface FigureFacts extends PanelFacts {
  /** The figure is red from this value on, or below it. */
  readonly redFrom?: number;
  readonly redBelow?: number;
}

export interface Section {
  readonly title: string;
  readonly panels: readonly (FigureBuilder | GraphBuilder)[];
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const TAG = 'flashsale';
const GRAPH_HEIGHT = 8;
const GRAPH_WIDTH = 8;
const FIGURE_HEIGHT = 4;
const FIGURE_WIDTH = 4;

const queriesOf = ({ queries }: PanelFacts) =>
  Object.entries(queries).map(([legend, expr], index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .expr(expr)
      .legendFormat(legend),
  );

/** A figure over time. */
export function graph(facts: PanelFacts): GraphBuilder {
  return new GraphBuilder()
    .title(facts.title)
    .description(facts.description)
    .unit(facts.unit)
    .min(0)
    .datasource(DATASOURCE)
    .height(GRAPH_HEIGHT)
    .span(facts.width ?? GRAPH_WIDTH)
    .legend(new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).showLegend(true))
    .targets(queriesOf(facts));
}

/** One figure as it is now, green or red. */
export function figure(facts: FigureFacts): FigureBuilder {
  const { redFrom, redBelow } = facts;
  const from = (color: string, value: number) => ({ color, value });
  const steps =
    redBelow === undefined
      ? [{ color: 'green', value: null }, ...(redFrom === undefined ? [] : [from('red', redFrom)])]
      : [{ color: 'red', value: null }, from('green', redBelow)];
  return new FigureBuilder()
    .title(facts.title)
    .description(facts.description)
    .unit(facts.unit)
    .datasource(DATASOURCE)
    .height(FIGURE_HEIGHT)
    .span(facts.width ?? FIGURE_WIDTH)
    .colorMode(BigValueColorMode.Background)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .targets(queriesOf(facts));
}

/** The p50, p95 and p99 of a histogram, of the last half minute. */
export function percentiles(histogram: string, by: readonly string[] = []) {
  const labels = ['le', ...by].join(', ');
  const name = by.map((label) => ` {{${label}}}`).join('');
  const of = (share: number) =>
    `histogram_quantile(${share}, sum by (${labels}) (rate(${histogram}_bucket[30s])))`;
  return { [`p50${name}`]: of(0.5), [`p95${name}`]: of(0.95), [`p99${name}`]: of(0.99) };
}

export interface DashboardFacts {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly sections: readonly Section[];
  /** Shows a choice of SKUs, for expressions with `sku=~"$sku"`. */
  readonly choosesSku?: boolean;
}

export function dashboard(facts: DashboardFacts) {
  const builder = new DashboardBuilder(facts.title)
    .uid(facts.uid)
    .description(facts.description)
    .tags([TAG])
    .refresh('5s')
    .time({ from: 'now-15m', to: 'now' })
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    )
    .link(
      new DashboardLinkBuilder('Flash sale')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .keepTime(true),
    );
  if (facts.choosesSku) {
    builder.withVariable(
      new QueryVariableBuilder('sku')
        .label('SKU')
        .datasource(DATASOURCE)
        .query('label_values(flashsale_stock_free_units, sku)')
        .multi(true)
        .includeAll(true)
        .allValue('.*'),
    );
  }
  for (const { title, panels } of facts.sections) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  const built = builder.build();
  for (const [index, panel] of (built.panels ?? []).entries()) panel.id = index + 1;
  return built;
}

// What is derived from the code is written by the code: settings.env and the tables of both READMEs.
import { brokerCodes } from "#broker";
import { collectorCodes } from "#collector";
import { dashboardCodes } from "#dashboard";
import { cycleCodes, renderCatalogue } from "#energy";
import { loadCatalogue, ruleJsonSchema, rulesCodes } from "#rules";
import { quantities, storeCodes } from "#store";
import { drawGraph } from "./graph.ts";
import { documentSettings } from "./settings.ts";

/** A generated file, or a file with generated parts between `<!-- generated:name -->` and `<!-- /generated -->`. */
export interface Generated {
  readonly path: string;
  /** The whole file as it should be, given how it is. */
  readonly render: (current: string) => string;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");

const settingsTable = (head: readonly string[]): string =>
  table(
    head,
    documentSettings().map(({ name, fallback, meaning }) => [
      `\`${name}\``,
      fallback === "" ? "" : `\`${fallback}\``,
      meaning,
    ]),
  );

const codesTable = (head: readonly string[]): string =>
  table(
    head,
    Object.entries({
      broker: brokerCodes,
      collector: collectorCodes,
      store: storeCodes,
      energy: cycleCodes,
      rules: rulesCodes,
      dashboard: dashboardCodes,
    }).map(([stage, codes]) => [stage, codes.map((code) => `\`${code}\``).join(" ")]),
  );

const quantitiesTable = (head: readonly string[]): string =>
  table(
    head,
    quantities
      .filter(({ name }) => !/^(broker|collector|store)_|_l[23]|^memory_|^cpu_/.test(name))
      .map(({ name, unit, kind }) => [`\`${name}\``, unit, kind]),
  );

const shipped = await loadCatalogue();
const rulesTable = (
  head: readonly string[],
  language: "en" | "zh-CN",
  modes: Readonly<Record<string, string>>,
): string => {
  if (!shipped.ok) throw new Error("BUG: the shipped rules have faults");
  return table(
    head,
    shipped.catalogue.summaries.map(({ id, title, action, mode }) => [
      id,
      title[language],
      action[language],
      modes[mode] ?? mode,
    ]),
  );
};

const fill = (parts: Readonly<Record<string, string>>) => (current: string) =>
  Object.entries(parts).reduce((text, [name, body]) => {
    const part = new RegExp(`(<!-- generated:${name} -->)[\\s\\S]*?(<!-- /generated -->)`);
    if (!part.test(text)) throw new Error(`the marker <!-- generated:${name} --> is missing`);
    return text.replace(part, (_, open: string, close: string) => `${open}\n\n${body}\n\n${close}`);
  }, current);

const settingsFile = (): string => {
  const head =
    "# Every setting with its default. Set what you change in the environment; npm start -- --check tells what is wrong.\n";
  const body = documentSettings().map(({ name, fallback, meaning }) => `# ${meaning}\n#${name}=${fallback}\n`);
  return `${head}\n${body.join("\n")}`;
};

export const generated: readonly Generated[] = [
  { path: "deploy/settings.env", render: settingsFile },
  { path: "rules/rule.schema.json", render: ruleJsonSchema },
  {
    path: "README.md",
    render: fill({
      settings: settingsTable(["setting", "default", "meaning"]),
      codes: codesTable(["stage", "codes"]),
      quantities: quantitiesTable(["quantity", "unit", "kind"]),
      kpis: renderCatalogue(),
      rules: rulesTable(["rule", "flags", "what to do", "mode"], "en", { on: "on", shadow: "shadow", off: "off" }),
      graph: drawGraph(),
    }),
  },
  {
    path: "README.zh-CN.md",
    render: fill({
      settings: settingsTable(["设置", "默认值", "含义（英文）"]),
      codes: codesTable(["阶段", "代码"]),
      quantities: quantitiesTable(["量", "单位", "类型"]),
      rules: rulesTable(["规则", "指出", "该做什么", "状态"], "zh-CN", { on: "启用", shadow: "影子", off: "关闭" }),
    }),
  },
];

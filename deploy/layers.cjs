// Who may import whom. Data flows one way: broker → collector → store → energy → rules → dashboard.
const stages = ["broker", "collector", "store", "energy", "rules", "dashboard/server", "dashboard/web"];
const maySee = {
  broker: [],
  store: [],
  collector: ["broker", "store"],
  energy: ["store"],
  rules: ["store", "energy"],
  "dashboard/server": ["store", "energy", "rules"],
};
const testFile = "[.](test|suite|bench|e2e)[.]ts$";
const others = (stage) => stages.filter((other) => other !== stage && !maySee[stage].includes(other));

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      comment: "two files that need each other are one file, or three",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    ...Object.keys(maySee).map((stage) => ({
      name: `flow-is-one-way-${stage.replace("/", "-")}`,
      comment: "a stage sees only the stages before it; nobody sees deploy",
      severity: "error",
      from: { path: `^${stage}/`, pathNot: testFile },
      to: { path: `^(${[...others(stage), "deploy"].join("|")})/` },
    })),
    {
      name: "web-uses-http",
      comment: "the web part knows the server by HTTP; it may import its types",
      severity: "error",
      from: { path: "^dashboard/web/" },
      to: {
        path: "^(broker|collector|store|energy|rules|deploy|dashboard/server)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    ...Object.keys(maySee).map((stage) => ({
      name: `through-the-door-${stage.replace("/", "-")}`,
      comment: "a stage is entered by its index.ts; tests, benchmarks and the web part's types may know more",
      severity: "error",
      from: { pathNot: [`^${stage}/`, "^dashboard/(web|e2e)/", "^deploy/bench/", testFile] },
      to: { path: `^${stage}/`, pathNot: `^${stage}/(index|config)[.]ts$` },
    })),
    ...Object.keys(maySee).map((stage) => ({
      name: `not-my-own-door-${stage.replace("/", "-")}`,
      comment: "inside a stage, import the file, not the door",
      severity: "error",
      from: { path: `^${stage}/`, pathNot: testFile },
      to: { path: `^${stage}/index[.]ts$` },
    })),
    {
      name: "pure-is-pure",
      comment:
        "the middle of a stage is arithmetic on plain values: no Node, no packages but zod and temporal-polyfill",
      severity: "error",
      from: {
        path: "^(broker/(topic|access)|collector/(check|batch)|store/(reading|quantity|unit|rollup)|energy/(meter|balance|calendar|tariff|carbon|demand|clock|account|model|now)|energy/kpi/[a-z]+|rules/(alert|evaluate|series))[.]ts$",
      },
      to: {
        dependencyTypes: ["core", "npm", "npm-dev", "npm-optional"],
        pathNot: "node_modules/(zod|temporal-polyfill)/",
      },
    },
    {
      name: "adapters-are-strangers",
      comment: "an adapter never imports another adapter",
      severity: "error",
      from: { path: "^store/(sqlite|influx|memory)/", pathNot: testFile },
      to: { path: "^store/(sqlite|influx|memory)/", pathNot: "^store/$1/" },
    },
    {
      name: "no-orphans",
      comment: "a file that nothing imports is dead",
      severity: "error",
      from: {
        orphan: true,
        pathNot: [
          "[.](test|bench|e2e|config)[.](ts|mjs)$",
          "^deploy/(main|document|simulate|seed)[.]ts$",
          "[.]d[.]ts$",
          "[.]cjs$",
        ],
      },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(node_modules|[.]svelte-kit|dashboard/web/build|cases/|recordings/)" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: "specify",
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};

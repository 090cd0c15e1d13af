// Plain JavaScript on purpose: it runs on whatever Node is installed, before anything of ours is.
//
//   lockfile changed? ─▶ npm ci ─▶ Node 24 there? ─▶ sources changed? ─▶ vite build ─▶ (test) Debian's servers
//
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const purpose = process.argv[2] ?? "start";
const windows = process.platform === "win32";
const stamps = join(root, "node_modules", ".cache", "wattlas");
// The first Node whose type stripping is stable: services run as TypeScript without a build.
const oldestNode = [24, 12];

const say = (text) => process.stderr.write(`${text}\n`);
const stop = (text) => {
  say(`wattlas: ${text}`);
  process.exit(1);
};
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(0)} s`;
const hashOf = (files) => {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file.slice(root.length)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
};
const stampIs = (name, value) => {
  try {
    return readFileSync(join(stamps, name), "utf8") === value;
  } catch {
    return false;
  }
};
const stamp = (name, value) => {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, name), value);
};
const run = (command, args, options = {}) =>
  spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    shell: windows,
    ...options,
  });
const lastLines = (result) => `${result.stdout ?? ""}${result.stderr ?? ""}`.trim().split("\n").slice(-15).join("\n");

function install() {
  const wanted = hashOf([join(root, "package.json"), join(root, "package-lock.json")]);
  if (stampIs("install", wanted)) return;
  const started = Date.now();
  say("wattlas: installing the packages of package-lock.json (once, under a minute on a usual line) …");
  const result = run("npm", [
    "ci",
    "--include=dev",
    "--include=optional",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ]);
  if (result.status !== 0) {
    say(lastLines(result));
    stop("the packages could not be installed: check the network or the proxy of npm, then run the same command again");
  }
  stamp("install", wanted);
  say(`wattlas: installed in ${seconds(started)}`);
}

function checkNode() {
  const bundled = join(root, "node_modules", ".bin", windows ? "node.cmd" : "node");
  const node = existsSync(bundled) ? bundled : "node";
  const version = run(node, ["--version"]).stdout?.trim() ?? "none";
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    stop(
      `Node ${oldestNode.join(".")} or newer is needed and ${version} was found: npm carries none for ${process.platform}-${process.arch}, so install Node 24 and run the same command again`,
    );
  }
  return node;
}

const sourcesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (["build", ".svelte-kit", "node_modules"].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesBelow(path);
    return /\.test\.ts$/.test(entry.name) ? [] : [path];
  });

function buildDashboard(node) {
  const web = join(root, "dashboard", "web");
  const wanted = hashOf([...sourcesBelow(web).sort(), join(root, "package-lock.json")]);
  if (stampIs("dashboard", wanted) && existsSync(join(web, "build", "index.html"))) return;
  const started = Date.now();
  say("wattlas: building the dashboard …");
  const result = run(node, [join(root, "node_modules", "vite", "bin", "vite.js"), "build"], { cwd: web });
  if (result.status !== 0) {
    say(lastLines(result));
    stop(
      "the dashboard could not be built: the lines above name the file; a clean clone builds, so undo local changes below dashboard/web or mend them",
    );
  }
  stamp("dashboard", wanted);
  say(`wattlas: dashboard built in ${seconds(started)}`);
}

// A real InfluxDB and a real Mosquitto, for tests only: `npm start` never touches the system.
function installServers() {
  const wanted = [
    ["influxd", "influxdb", "/usr/bin/influxd"],
    ["mosquitto", "mosquitto", "/usr/sbin/mosquitto"],
    ["mosquitto_pub", "mosquitto-clients", "/usr/bin/mosquitto_pub"],
  ].filter(([, , path]) => !existsSync(path));
  if (wanted.length === 0) return;
  const packages = wanted.map(([, name]) => name);
  const allowed = process.env.CI === "true" || process.env.WATTLAS_INSTALL === "1";
  const able = existsSync("/usr/bin/apt-get") && process.getuid?.() === 0;
  if (!allowed || !able) {
    say(
      `wattlas: SKIPPED SUITES: ${packages.join(", ")} not installed, so tests against the real servers will not run`,
    );
    say("wattlas: to run them, as root on Debian: WATTLAS_INSTALL=1 npm test");
    return;
  }
  say(`wattlas: installing ${packages.join(", ")} for the tests …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const update = run("apt-get", ["update", "-qq"], { env });
  const result = run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  if (result.status !== 0) {
    say(lastLines(update));
    say(lastLines(result));
    stop(
      `Debian's packages ${packages.join(", ")} could not be installed: check the network, then run the same command again`,
    );
  }
}

install();
const node = checkNode();
buildDashboard(node);
if (purpose === "test") installServers();

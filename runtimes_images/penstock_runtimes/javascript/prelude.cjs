// Gives a script `context`, `item`, `steps`, `run`, `output`, `fail`, `progress` and `require`; loaded before it, by
// `node --require prelude.cjs step.mjs`. The script is the main module, so that what Node.js says names its own lines.
"use strict";

const { appendFileSync, readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { basename, resolve } = require("node:path");
const { isMainThread } = require("node:worker_threads");

const statements = process.env.PENSTOCK_OUTPUT;
const script = resolve(process.argv[1] ?? "step.mjs");
// What the script starts with `fork` or as a worker loads this file too, and how that ends is the script's business.
const isScript = isMainThread && !process.env.PENSTOCK_SCRIPT_PID;
process.env.PENSTOCK_SCRIPT_PID ??= String(process.pid);

/** The exit code of a script in which an await at the top level never settles. */
const UNSETTLED = 13;

/** JSON with whole numbers exact: a number cannot hold 2^53 + 1, so from there on they are of type bigint. */
function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = newMark();
  const pieces = [];
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      const start = at;
      while (/[-+.0-9eE]/.test(text[at + 1] ?? "")) at++;
      const number = text.slice(start, at + 1);
      if (/^-?\d{16,}$/.test(number) && !Number.isSafeInteger(Number(number))) {
        pieces.push(text.slice(copied, start), `"${mark}${number}"`);
        copied = at + 1;
      }
    }
  }
  pieces.push(text.slice(copied));
  return JSON.parse(pieces.join(""), (_, value) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}

/** What no text of a value can begin with. Loaded only when it is needed, for that takes its time. */
function newMark() {
  return require("node:crypto").randomUUID();
}

/** Where the string that begins at `start` ends: at its closing quote. */
function endOfString(text, start) {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

/** JSON of a value, or a TypeError for what JSON would change without a word. */
function stringify(value) {
  let mark = "";
  const text = JSON.stringify(value, (_, inner) => {
    if (typeof inner === "bigint") {
      mark ||= newMark();
      return `${mark}${inner}`;
    }
    const wrong = whyNotJson(inner);
    if (wrong) throw new TypeError(`output() takes null, boolean, number, bigint, string, array and object: ${wrong}`);
    return inner;
  });
  if (text === undefined) throw new TypeError(`output() was given ${typeof value}; give null for no value`);
  return mark ? text.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, "g"), "$1") : text;
}

function whyNotJson(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return `${value} is not JSON`;
  if (value instanceof Promise) return "a Promise has no value yet; write `await` before it";
  if (value instanceof Map) return "a Map is not JSON; write Object.fromEntries(map)";
  if (value instanceof Set) return "a Set is not JSON; write [...set]";
  return "";
}

// One statement is one write, so that those of several processes do not mix.
function state(statement) {
  appendFileSync(statements, `${statement}\n`, { mode: 0o600 });
}

/** Set the step's output; the last call counts. */
function output(value) {
  state(`{"output":${stringify(value)}}`);
}

/** End the step as failed, with a code for programs and a reason for people. */
function fail(code, reason = "") {
  state(JSON.stringify({ fail: { code: String(code), reason: String(reason) } }));
  process.exit(1);
}

/** Say how far the step is. */
function progress(current, total = null, message = "") {
  state(JSON.stringify({ progress: { current: Number(current), total, message: String(message) } }));
}

// Tells why the script ends, and leaves how it ends to Node.js.
function tellTheEnd() {
  process.on("uncaughtExceptionMonitor", (error, origin) => {
    if (process.listenerCount(origin) === 0 && process.listenerCount("uncaughtException") === 0) {
      state(JSON.stringify({ fail: { code: "SCRIPT_FAILED", reason: reasonOf(error) } }));
    }
  });
  // Later, so that it comes after Node.js's own listener, which finds the code out.
  setImmediate(() => process.on("exit", tellUnsettled));
}

function tellUnsettled() {
  // Not the code that a listener is given, which was looked at before.
  const code = process.exitCode;
  if (code !== UNSETTLED) return;
  const reason = `an await at the top level of ${basename(script)} waits for what never comes (exit code ${code})`;
  state(JSON.stringify({ fail: { code: "SCRIPT_FAILED", reason } }));
}

/** One line: what went wrong, and in which line of the script, wherever that line led to. */
function reasonOf(error) {
  if (!(error instanceof Error)) return `the script threw ${typeof error === "string" ? error : inspected(error)}`;
  let line = lineIn(error.stack);
  // Of what cannot be compiled only a message tells the line, which Node.js keeps to itself.
  if (!line && error instanceof SyntaxError) {
    line = lineIn(require("node:child_process").spawnSync(process.execPath, ["--check", script]).stderr);
  }
  const text = error.message ? `${error.name}: ${error.message}` : error.name;
  return line ? `${text} (${basename(script)}, line ${line})` : text;
}

function lineIn(trace) {
  const name = basename(script).replaceAll(".", "\\.");
  return new RegExp(`/${name}:(\\d+)`).exec(String(trace))?.[1];
}

function inspected(value) {
  return require("node:util").inspect(value, { depth: 1, breakLength: Infinity });
}

// A pipe that is full would make what follows wait in memory, and `process.exit` would throw it away.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);
if (isScript) {
  tellTheEnd();
  state(JSON.stringify({ interpreter: `Node.js ${process.versions.node}` }));
}
const { context, item, itemIndex, steps, run } = parse(readFileSync(process.env.PENSTOCK_CONTEXT_FILE, "utf8"));
for (const [name, value] of Object.entries({ context, item, itemIndex, steps, run, output, fail, progress })) {
  // As a variable of the script's own would be: it may be given another value, and is in no list of globals.
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
Object.defineProperty(globalThis, "require", { value: createRequire(script), writable: true, configurable: true });

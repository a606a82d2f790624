'use strict';
// Records what Node's servers and sockets do, and prints it at exit in the format of traces/. README.md tells how to use it;
// trace.rs and case.rs have the same functions for netloop.

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const PATIENCE = 5000;
const SETTLE_ROUNDS = 200;

const entries = []; // [object, text]
const names = []; // [text, symbol]
let isOver = false;
let isInOrder = false;
let folder;

// One line of an object.
function log(name, text) {
  if (!isOver) entries.push([name, String(text)]);
}

// A returned value or a property: `note('C', 'write a ->', c.write('a'))`, `note('C', '.readyState', c.readyState)`.
function note(name, label, value) {
  log(name, `${label} ${value}`);
}

// A completion callback that logs its label and, if it got an error, the code.
function cb(name, label) {
  return (error) => log(name, error ? `${label} ${code(error)}` : label);
}

function code(error) {
  return error.code ?? `"${error.message}"`;
}

// `CODE syscall address port host=NAME "message"`, as far as it is there.
function describe(error) {
  const host = error.hostname === undefined ? undefined : `host=${error.hostname}`;
  const count = error.errors ? `${error.errors.length} errors` : undefined;
  const parts = [error.code, error.syscall, error.address, error.port, host, count, `"${error.message}"`];
  return parts.filter((part) => part !== undefined).join(' ');
}

// An error in full: a line, and one more for each error of an aggregate.
function logError(name, text, error) {
  log(name, `${text} ${describe(error)}`);
  error.errors?.forEach((inner, at) => log(name, `${text.split(' ')[0]}.${at + 1} ${describe(inner)}`));
}

// An event's arguments that are there, in a row.
function tell(object, name, event) {
  object.on(event, (...args) => log(name, [event, ...args.filter((arg) => arg !== undefined)].join(' ')));
}

// Records every event of a server or a socket. Only if asked for (each starts the flow, but `flow`):
//   data    bytes as `data COUNT`; what arrives in a row is one line
//   chunks  each chunk as `chunk COUNT`
//   text    each chunk as `text "…"`: for setEncoding
//   flow    `pause` and `resume`
function watch(object, name, options = {}) {
  if (object instanceof net.Server) watchServer(object, name);
  else watchSocket(object, name, options);
  return object;
}

function watchServer(server, name) {
  for (const event of ['listening', 'close']) tell(server, name, event);
  server.on('connection', () => log(name, 'connection'));
  server.on('error', (error) => logError(name, 'error', error));
  server.on('drop', (drop) => {
    const d = drop;
    const text = d && `${d.localAddress} ${d.localPort} ${d.localFamily} ${d.remoteAddress} ${d.remotePort} ${d.remoteFamily}`;
    log(name, d ? `drop ${text}` : 'drop');
  });
}

function watchSocket(socket, name, { data, chunks, text, flow }) {
  const events = ['connectionAttempt', 'connectionAttemptTimeout', 'connect', 'ready', 'end', 'finish', 'drain', 'timeout', 'close'];
  for (const event of events) tell(socket, name, event);
  socket.on('lookup', (error, ip, family, host) => {
    log(name, error ? `lookup ${code(error)} ${host}` : `lookup ${ip} ${family} ${host}`);
  });
  socket.on('connectionAttemptFailed', (ip, port, family, error) => {
    logError(name, ['connectionAttemptFailed', ip, port, family].filter((arg) => arg !== undefined).join(' '), error);
  });
  socket.on('error', (error) => logError(name, 'error', error));
  if (flow) for (const event of ['pause', 'resume']) tell(socket, name, event);
  if (data) socket.on('data', (chunk) => log(name, `data ${chunk.length}`));
  if (chunks) socket.on('data', (chunk) => log(name, `chunk ${chunk.length}`));
  if (text) socket.on('data', (chunk) => log(name, `text "${chunk}"`));
}

// From now on the number stands as <SYMBOL> in every line but those of data.
function namePort(port, symbol) {
  names.push([new RegExp(`(?<![0-9.])${port}(?![0-9])`, 'g'), `<${symbol}>`]);
}

function namePath(text, symbol) {
  names.push([new RegExp(RegExp.escape(text), 'g'), `<${symbol}>`]);
}

// A path of which nothing is there yet, named; it is gone at exit.
function tempPath(symbol) {
  folder ??= fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'));
  const file = path.join(folder, symbol);
  namePath(file, symbol);
  return file;
}

// Calls `use(port)` with a named port of 127.0.0.1 that refuses connections.
function refusedPort(symbol, use) {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    namePort(port, symbol);
    server.close(() => use(port));
  });
}

// An unwatched server of 127.0.0.1 whose port is <V>: for scenarios about sockets. It closes when `count` connections have
// come; with a count of 0 it stays and does not hold the loop.
function serve(count, options, connection, listening) {
  const server = net.createServer(options, (socket) => {
    count -= 1;
    if (count === 0) server.close();
    connection?.(socket);
  });
  if (count === 0) server.unref();
  const where = options.path ? { path: options.path } : { port: 0, host: '127.0.0.1' };
  server.listen(where, () => {
    if (!options.path) namePort(server.address().port, 'V');
    listening(options.path ?? server.address().port);
  });
  return server;
}

function watchSide(socket, name, options) {
  return options ? watch(socket, name, options) : socket.on('error', () => {});
}

// A connection between S, which was accepted, and C, both watched from the beginning. `start(s, c)` is called in an immediate
// when both sides are there. Setup: `server` and `client` (options of net), `s` and `c` (options of `watch`, by default
// `{ data: true }`; null for a side that is not watched and does not flow), `unix: true` for a path instead of TCP.
function pair(setup, start) {
  const { server = {}, client = {}, s: watchS = { data: true }, c: watchC = { data: true }, unix = false } = setup;
  let s, c;
  const meet = () => s && c && setImmediate(start, s, c);
  const connection = (socket) => {
    s = watchSide(socket, 'S', watchS);
    meet();
  };
  serve(1, unix ? { ...server, path: tempPath('V') } : server, connection, (at) => {
    const socket = new net.Socket(client);
    watchSide(socket, 'C', watchC).once('ready', () => {
      c = socket;
      if (!unix) namePort(socket.localPort, 'C');
      meet();
    });
    socket.connect(unix ? { path: at } : { port: at, host: '127.0.0.1' });
  });
}

// Lines of the pseudo object `log`, from a tick, an immediate and a timer.
const tick = (text) => process.nextTick(log, 'log', text);
const immediate = (text) => setImmediate(log, 'log', text);
const timer = (text, ms) => setTimeout(log, ms, 'log', text);

// Calls `then` in the first immediate that finds `condition()` true.
function until(condition, then) {
  setImmediate(() => (condition() ? then() : until(condition, then)));
}

// Calls `then` after many iterations: what has not come by then does not come. Wait for the last expected event first.
function settle(then, rounds = SETTLE_ROUNDS) {
  setImmediate(() => (rounds === 0 ? then() : settle(then, rounds - 1)));
}

// Nothing is recorded any more, and the process ends: for scenarios in which something stays open.
function end() {
  isOver = true;
  process.exit(0);
}

// The lines of all objects are one list, compared as a whole: for the order of phases.
function inOrder() {
  isInOrder = true;
}

function replaceNames(text) {
  if (/^(data|chunk) /.test(text)) return text;
  return names.reduce((line, [pattern, symbol]) => line.replace(pattern, symbol), text);
}

// `data 2` after `data 1` is `data 3`: how TCP cuts bytes is nobody's promise.
function merge(lines) {
  const merged = [];
  for (const line of lines) {
    const [, head, count] = /^(\S+ data) (\d+)$/.exec(line) ?? [];
    const last = merged.length - 1;
    if (head && merged[last]?.startsWith(`${head} `)) {
      merged[last] = `${head} ${Number(merged[last].slice(head.length + 1)) + Number(count)}`;
    } else {
      merged.push(line);
    }
  }
  return merged;
}

function print() {
  const lines = entries.map(([name, text]) => [name, `${name} ${replaceNames(text)}`]);
  // Which object comes first is chance: they are grouped by name. The sort is stable.
  if (!isInOrder) lines.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const head = [`# node ${process.version}`, ...(isInOrder ? ['# in order'] : [])];
  return [...head, ...merge(lines.map(([, line]) => line)), ''].join('\n');
}

process.on('exit', (status) => {
  fs.writeSync(status === 0 ? 1 : 2, print());
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});

// It holds nothing, so it is only called when something else holds the process too long.
setTimeout(() => {
  fs.writeSync(2, `it does not end within ${PATIENCE} ms\n`);
  process.exit(1);
}, PATIENCE).unref();

module.exports = {
  cb, end, immediate, inOrder, log, namePath, namePort, note, pair, refusedPort, serve, settle, tempPath, tick, timer, until, watch,
};

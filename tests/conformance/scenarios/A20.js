'use strict';
// A20: no descriptor is left for a connection
const LIMIT = 100;

if (process.argv[2] === undefined) {
  const { spawnSync } = require('node:child_process');
  const command = `ulimit -n ${LIMIT}; exec "$0" "$@"`;
  const { status } = spawnSync('sh', ['-c', command, process.execPath, __filename, 'limited'], { stdio: 'inherit' });
  process.exit(status);
}

const fs = require('node:fs');
const net = require('node:net');
const { namePort, note, watch } = require('../trace.js');

const taken = [];
const takeAll = () => {
  try {
    for (;;) taken.push(fs.openSync('/dev/null'));
  } catch ({ code }) {
    note('log', 'open', code);
  }
};
const server = watch(net.createServer(), 'V');
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  const c = watch(new net.Socket(), 'C', { data: true });
  c.on('connectionAttempt', () => process.nextTick(takeAll));
  c.on('close', () => {
    taken.forEach((descriptor) => fs.closeSync(descriptor));
    server.close();
  });
  c.connect(port, '127.0.0.1');
});

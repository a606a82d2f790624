'use strict';
// P12: connect to a path
const net = require('node:net');
const { immediate, inOrder, tempPath, tick, watch } = require('../trace.js');

inOrder();
const path = tempPath('V');
const server = watch(net.createServer(), 'V');
server.on('connection', (socket) => {
  socket.end();
  server.close();
});
server.listen(path, () => {
  const c = watch(new net.Socket(), 'C');
  c.connect(path);
  tick('tick');
  immediate('imm');
});

'use strict';
// P12: connect to a path, in a tick before the loop and in a callback of the poll phase
const net = require('node:net');
const { end, immediate, inOrder, tempPath, tick, watch } = require('../trace.js');

inOrder();
const path = tempPath('V');
// Not watched: which of two that are ready together is told first is the selector's choice (O14).
const server = net.createServer();
const connect = (name) => {
  const socket = watch(new net.Socket(), name);
  socket.connect(path);
  tick(`${name}.tick`);
  immediate(`${name}.imm`);
  return socket;
};
server.listen(path, () => {
  connect('C').on('ready', () => connect('D').on('ready', () => setImmediate(end)));
});

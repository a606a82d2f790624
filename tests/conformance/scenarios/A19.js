'use strict';
// A19: a destroyed connection counts no more at once
const net = require('node:net');
const { namePort, note, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.maxConnections = 1;
let isFirst = true;
const connect = (name) => {
  const socket = watch(new net.Socket(), name, { data: true });
  socket.connect(server.address().port, '127.0.0.1');
  return socket;
};
server.on('connection', (socket) => {
  if (!isFirst) {
    watch(socket, 'T', { data: true }).end();
    server.close();
    return;
  }
  isFirst = false;
  watch(socket, 'S', { data: true });
  // The next one is asked for while the place is taken.
  const d = connect('D');
  d.on('connectionAttempt', () => process.nextTick(() => {
    socket.destroy();
    server.getConnections((_, count) => note('V', 'connections', count));
  }));
});
server.listen(0, '127.0.0.1', () => {
  namePort(server.address().port, 'V');
  connect('C');
});

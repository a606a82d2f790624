'use strict';
// P05: close the server, then destroy its one connection
const net = require('node:net');
const { cb, immediate, inOrder, namePort, tick, watch } = require('../trace.js');

inOrder();
const server = watch(net.createServer(), 'V');
server.on('connection', (socket) => {
  watch(socket, 'S', { data: true });
  socket.on('data', () => {
    server.close(cb('V', 'close.cb'));
    socket.destroy();
    tick('tick');
    immediate('imm');
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  net.connect(port, '127.0.0.1').resume().write('x');
});

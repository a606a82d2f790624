'use strict';
// A03: the callback of a failed listen is called with that of the next one
const net = require('node:net');
const { cb, namePort, note, watch } = require('../trace.js');

const used = net.createServer().listen(0, '127.0.0.1', () => {
  const { port } = used.address();
  namePort(port, 'U');
  const server = watch(net.createServer(), 'V');
  server.on('error', () => {
    note('V', '.listening', server.listening);
    setImmediate(() => server.listen(0, '127.0.0.1', cb('V', 'cb2')));
  });
  server.once('listening', () => setImmediate(() => {
    server.close();
    used.close();
  }));
  server.listen(port, '127.0.0.1', cb('V', 'cb1'));
});

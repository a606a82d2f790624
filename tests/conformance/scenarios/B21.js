'use strict';
// B21: as many bytes before connect as the high-water mark says
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C', { data: true });
  note('C', 'write 65535 ->', socket.write(Buffer.alloc(65535), cb('C', 'w1.cb')));
  note('C', '.writableNeedDrain', socket.writableNeedDrain);
  note('C', 'write 1 ->', socket.write(Buffer.alloc(1), cb('C', 'w2.cb')));
  note('C', '.writableNeedDrain', socket.writableNeedDrain);
  note('C', '.writableLength', socket.writableLength);
  socket.on('ready', () => setImmediate(() => socket.end()));
});

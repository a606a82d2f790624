'use strict';
// B39: destroy in a connect listener, with writes before connect: added after the write (C), before it (D), with an end only (E)
const net = require('node:net');
const { cb, log, note, serve, watch } = require('../trace.js');

serve(3, {}, (socket) => socket.on('data', (chunk) => log('S', `data ${chunk.length}`)), (port) => {
  const c = watch(net.connect(port, '127.0.0.1'), 'C');
  note('C', 'write a ->', c.write('a', cb('C', 'w.cb')));
  c.on('connect', () => c.destroy());
  const d = watch(net.connect(port, '127.0.0.1'), 'D');
  d.on('connect', () => d.destroy());
  note('D', 'write b ->', d.write('b', cb('D', 'w1.cb')));
  note('D', 'write c ->', d.write('c', cb('D', 'w2.cb')));
  d.end(cb('D', 'end.cb'));
  const e = watch(net.connect(port, '127.0.0.1'), 'E');
  e.on('connect', () => e.destroy());
  e.end(cb('E', 'end.cb'));
});

'use strict';
// C08c: pause before connecting, with a data listener from before: it is read and kept
// deviation D-01: pause is told on a tick, behind that of the flow asked for before
// - C pause
//   C resume
// + C pause
const net = require('node:net');
const { note, serve, settle, watch } = require('../trace.js');

serve(1, {}, (s) => s.end('hi'), (port) => {
  const c = watch(new net.Socket(), 'C', { data: true, flow: true });
  c.pause();
  c.connect(port, '127.0.0.1', () => settle(() => {
    note('C', '.readableLength', c.readableLength);
    c.resume();
  }));
});

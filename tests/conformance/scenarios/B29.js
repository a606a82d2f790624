'use strict';
// B29: destroy a socket that was never connected
// deviation D-06: the argument of close
//   C .readyState closed
// - C close
// + C close false
//   log tick
const net = require('node:net');
const { immediate, inOrder, note, tick, watch } = require('../trace.js');

inOrder();
const socket = watch(new net.Socket(), 'C');
note('C', '.readyState', socket.readyState);
socket.destroy();
note('C', '.readyState', socket.readyState);
tick('tick');
immediate('imm');

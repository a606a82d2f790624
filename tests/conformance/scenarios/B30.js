'use strict';
// B30: destroy a socket that was never connected, with an error
// deviation D-06: the argument of close
//   C error "planted"
// - C close
// + C close false
//   log tick
const net = require('node:net');
const { immediate, inOrder, tick, watch } = require('../trace.js');

inOrder();
watch(new net.Socket(), 'C').destroy(new Error('planted'));
tick('tick');
immediate('imm');

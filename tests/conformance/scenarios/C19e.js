'use strict';
// C19e: end with a callback after it has finished and was destroyed with an error
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.on('finish', () => {
    c.destroy(new Error('mine'));
    c.end(cb('C', 'c2'));
  });
  c.end(cb('C', 'c1'));
});

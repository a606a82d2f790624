'use strict';
// C18d: end in its own callback and in the finish listener
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.on('finish', () => c.end(cb('C', 'c3')));
  const done = cb('C', 'c1');
  c.end((error) => {
    done(error);
    c.end(cb('C', 'c2'));
  });
});

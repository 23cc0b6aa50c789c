-- Up Migration

-- The rows in a part's evidence count from the beginning of the file, as first_row does; they counted from the part's.
UPDATE long_task.parts SET evidence = (
  SELECT jsonb_agg(jsonb_set(found, '{steps}', (
           SELECT coalesce(jsonb_agg(jsonb_set(step, '{row}', to_jsonb((step->>'row')::bigint + first_row - 1)) ORDER BY i), '[]')
             FROM jsonb_array_elements(found->'steps') WITH ORDINALITY AS steps(step, i))) ORDER BY c)
    FROM jsonb_array_elements(evidence) WITH ORDINALITY AS columns(found, c))
 WHERE first_row > 1 AND jsonb_array_length(evidence) > 0;

-- Down Migration

UPDATE long_task.parts SET evidence = (
  SELECT jsonb_agg(jsonb_set(found, '{steps}', (
           SELECT coalesce(jsonb_agg(jsonb_set(step, '{row}', to_jsonb((step->>'row')::bigint - first_row + 1)) ORDER BY i), '[]')
             FROM jsonb_array_elements(found->'steps') WITH ORDINALITY AS steps(step, i))) ORDER BY c)
    FROM jsonb_array_elements(evidence) WITH ORDINALITY AS columns(found, c))
 WHERE first_row > 1 AND jsonb_array_length(evidence) > 0;

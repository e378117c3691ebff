"""The second verdict: the hard facts of a tray judged in plain SQL, apart from the program's own verdict."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The second verdict: the hard facts of a tray judged in plain SQL, apart from the program's own verdict."

# Reg. (EU) 1169/2011 Annex II: each group with the foods and proteins an allergy is recorded by.
_GROUPS = {
    "gluten": "wheat,barley,rye,oats,oat,spelt,kamut,durum,semolina,couscous,bulgur,malt,triticale,seitan,bread,pasta",
    "crustaceans": "shrimp,prawn,crab,lobster,crayfish,krill,langoustine",
    "eggs": "egg,egg white,egg yolk,albumin,ovalbumin,lysozyme,mayonnaise",
    "fish": "tilapia,sambaza,indagara,nile perch,catfish,sardine,anchovy,cod,salmon,tuna,mackerel,haddock,trout,dagaa,omena",
    "peanuts": "peanut,groundnut,ubunyobwa,arachide,peanut butter,peanut oil",
    "soya": "soy,soybean,soya flour,tofu,edamame,soya lecithin,tempeh,miso",
    "milk": "whey,casein,caseinate,lactose,lactalbumin,lactoglobulin,butter,ghee,cream,cheese,yoghurt,yogurt,ikivuguto,whole milk,skim milk powder,milk protein,cow milk,goat milk",
    "nuts": "almond,hazelnut,walnut,cashew,pecan,brazil nut,pistachio,macadamia,tree nut",
    "celery": "celeriac,celery leaf,celery seed,celery salt",
    "mustard": "mustard seed,mustard oil,mustard leaf",
    "sesame": "sesame seed,sesame oil,tahini,simsim",
    "sulphites": "sulphite,sulfite,sulphur dioxide,sulfur dioxide,metabisulphite",
    "lupin": "lupin flour,lupin seed,lupine",
    "molluscs": "mussel,oyster,squid,octopus,snail,clam,scallop,cuttlefish",
}
_MEMBERS = ", ".join(f"('{group}', '{member}')" for group, said in _GROUPS.items() for member in said.split(","))

# The dishes of a tray as they are declared now.
_DISHES = """    WITH wanted AS (
        SELECT w.id, d.code, d.category, d.label IS NULL AS has_recipe, d.retired_at, d.kitchen_line,
               d.iddsi_achievable AS achievable,
               CASE WHEN d.iddsi_native ~ '^D[0-9]' THEN substr(d.iddsi_native, 2, 1)::int END AS native_drink,
               d.iddsi_native LIKE 'D%' AND d.category NOT IN ('porridge', 'soup') AS is_drink,
               d.category IN ('porridge', 'soup') AS is_liquid_food,
               (d.recipe_changed_at AT TIME ZONE zone)::date AS revised_on,
               d.label_allergens, d.label_may_contain, d.label_declared_on
        FROM (SELECT DISTINCT u.id FROM unnest(dishes) AS u(id)) w
        LEFT JOIN dish d ON d.hospital = h AND d.id = w.id
    ), made AS (
        SELECT w.id AS dish, i.allergens, i.may_contain, i.declared_on, i.words
        FROM wanted w JOIN recipe_line l ON l.hospital = h AND l.dish = w.id
        JOIN ingredient i ON i.hospital = h AND i.id = l.ingredient
        WHERE w.has_recipe
    ), held AS (
        SELECT w.*,
            CASE WHEN w.has_recipe THEN (SELECT array_agg(DISTINCT x) FROM made m, unnest(m.allergens) x WHERE m.dish = w.id)
                 ELSE w.label_allergens END AS contains,
            CASE WHEN w.has_recipe THEN (SELECT array_agg(DISTINCT x) FROM made m, unnest(m.may_contain) x WHERE m.dish = w.id)
                 ELSE w.label_may_contain END AS traces,
            CASE WHEN w.has_recipe
                 THEN coalesce((SELECT bool_and(m.allergens IS NOT NULL AND m.declared_on IS NOT NULL
                                               AND m.declared_on >= w.revised_on) FROM made m WHERE m.dish = w.id), false)
                 ELSE coalesce(w.label_allergens IS NOT NULL AND w.label_declared_on >= w.revised_on, false) END AS is_declared
        FROM wanted w
"""
# What stands against them, but for what an override that counts sets aside.
_FOUND = """    )
    SELECT found || coalesce(array_agg(DISTINCT a.source || '.' || a.rule || '.' || a.subject || coalesce('@' || a.dish, '')),
                             '{}')
    INTO found
    FROM against a
    WHERE NOT EXISTS (
        SELECT FROM diet_override r
        WHERE r.hospital = h AND r.patient = p AND r.day = dus_reasons.day AND r.period = meal_period AND r.dish = a.dish
          AND r.source = a.named AND r.rule = a.rule AND r.subject = a.subject AND r.scope = 'item'
          AND r.withdrawn_at IS NULL AND r.safety_rev = guard.safety_rev AND r.given_at <= at AND r.expires_at > at
          AND CASE WHEN a.source = 'ALLERGY' AND a.rule IN ('contains', 'may_contain', 'cross_contact')
                   THEN r.seconded_by IS NOT NULL AND r.seconded_by <> r.given_by
                        AND NOT EXISTS (SELECT FROM allergy y WHERE y.hospital = h AND y.patient = p
                                        AND y.code = a.subject AND y.ended_at IS NULL AND y.severity = 'anaphylaxis')
                   ELSE a.source = 'IDDSI' AND a.rule IN ('iddsi', 'drink') END);
"""

SQL = f"""
CREATE FUNCTION dus_words(said text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT CASE
               WHEN w LIKE '%oes' THEN left(w, -2)
               WHEN w LIKE '%ies' THEN left(w, -3) || 'y'
               WHEN w LIKE '%s' AND w NOT LIKE '%ss' THEN left(w, -1)
               ELSE w END), '{{}}')
    FROM regexp_split_to_table(lower(said), '[^[:alnum:]]+') AS w WHERE w <> ''
$$ SET search_path = pg_catalog, public, pg_temp;

CREATE TABLE allergen_member (
    group_code text NOT NULL,
    member text NOT NULL,
    words text[] GENERATED ALWAYS AS (dus_words(member)) STORED,
    PRIMARY KEY (group_code, member)
);
INSERT INTO allergen_member (group_code, member) VALUES {_MEMBERS};
GRANT SELECT ON allergen_member TO dus_app;

ALTER TABLE ingredient ADD COLUMN words text[] GENERATED ALWAYS AS (dus_words(name)) STORED;

-- A hold as it counts at a moment: to the minute, start down and end up, a cancellation of the future not yet made,
-- a hold set late counted from when it was set.
CREATE FUNCTION dus_fasts(h int, p uuid, at timestamptz)
RETURNS TABLE (starts timestamptz, ends timestamptz, began timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT date_trunc('minute', f.said),
           least(date_trunc('minute', f.end_at + interval '59.999999 s'),
                 date_trunc('minute', f.cancelled + interval '59.999999 s')),
           f.said
    FROM (SELECT n.end_at,
                 CASE WHEN n.cancelled_at <= at THEN n.cancelled_at END AS cancelled,
                 CASE WHEN n.start_at < n.set_at AND (n.end_at IS NULL OR n.set_at < n.end_at)
                      THEN n.set_at ELSE n.start_at END AS said
          FROM npo_hold n WHERE n.hospital = h AND n.patient = p) f
    WHERE f.cancelled IS NULL OR f.cancelled >= date_trunc('minute', f.said);
END $$ SET search_path = pg_catalog, public, pg_temp;

-- What stands against serving some dishes to a patient; nothing found is the only 'allow'. VOLATILE on purpose: every
-- statement inside sees what was committed when it began, so that it can follow a lock. Planned once for a connection:
-- planning costs many times what running does.
CREATE FUNCTION dus_reasons(h int, p uuid, at timestamptz, serve_at timestamptz, day date, meal_period text, dishes uuid[])
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    found text[] := '{{}}';
    guard patient_safety;
    stay_of uuid;
    counted int;
    allergic int;
    last_bite timestamptz := greatest(at, serve_at);
    levels text[];
    textures text[];
    drinks int[];
    drink int;
    is_textured boolean;
    is_carried boolean;
    orders_in_force int;
    zone text;
BEGIN
    SELECT * INTO guard FROM patient_safety s WHERE s.hospital = h AND s.patient = p;
    IF guard.patient IS NULL THEN
        RETURN ARRAY['PATIENT.stranger'];
    END IF;
    SELECT t.zone INTO zone FROM hospital t WHERE t.id = h;
    SELECT a.id INTO stay_of FROM admission a
    WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL
      AND EXISTS (SELECT FROM stay s WHERE s.hospital = h AND s.admission = a.id AND s.ended_at IS NULL);
    IF stay_of IS NULL THEN
        found := found || 'PATIENT.no_active_admission'::text;
    END IF;

    SELECT count(*) INTO allergic FROM allergy a WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL;
    SELECT allergic + count(*) INTO counted FROM npo_hold n WHERE n.hospital = h AND n.patient = p AND n.cancelled_at IS NULL;
    SELECT counted + count(*) INTO counted FROM diet_order o WHERE o.hospital = h AND o.patient = p AND o.status = 'active';
    IF counted <> guard.constraint_count THEN
        found := found || 'PATIENT.rows_read'::text;
    END IF;
    IF guard.allergy_status = 'not_asked' THEN
        found := found || 'ALLERGY.not_asked'::text;
    ELSIF guard.allergy_status = 'none_known' AND allergic > 0 THEN
        found := found || 'ALLERGY.none_known_with_rows'::text;
    ELSIF guard.allergy_status = 'recorded' AND allergic = 0 AND coalesce(guard.uncoded_text, '') = '' THEN
        found := found || 'ALLERGY.recorded_without_rows'::text;
    END IF;
    IF coalesce(guard.uncoded_text, '') <> '' THEN
        found := found || 'ALLERGY.uncoded'::text;
    END IF;

    IF EXISTS (SELECT FROM dus_fasts(h, p, at) f WHERE f.starts <= last_bite AND (f.ends IS NULL OR f.ends > at)) THEN
        found := found || 'NPO.hold'::text;
    END IF;

    -- Orders in force: signed, of this stay, covering now and the serving, not suspended by a hold that is over.
    WITH force AS MATERIALIZED (
        SELECT o.codes, o.food_level FROM diet_order o
        WHERE o.hospital = h AND o.patient = p AND o.admission = stay_of AND o.status = 'active' AND o.signed_at <= at
          AND o.start_at <= at AND o.start_at <= serve_at
          AND (o.end_at IS NULL OR (o.end_at > at AND o.end_at > serve_at))
          AND NOT EXISTS (SELECT FROM dus_fasts(h, p, at) f
                          WHERE f.ends <= at AND o.signed_at < f.began AND o.start_at < f.ends)
    ), coded AS (
        SELECT DISTINCT c AS code FROM force f, unnest(f.codes || CASE
            WHEN f.food_level BETWEEN 3 AND 6 AND NOT EXISTS (SELECT FROM unnest(f.codes) x WHERE x LIKE 'IDDSI%')
            THEN ARRAY['IDDSI' || f.food_level] ELSE '{{}}'::text[] END) AS c
    )
    SELECT (SELECT count(*) FROM force),
           (SELECT coalesce(array_agg(DISTINCT r.subject), '{{}}') FROM coded c
              JOIN diet d ON d.hospital = h AND d.code = c.code
              JOIN diet_rule r ON r.hospital = h AND r.diet = d.id AND r.rule_kind = 'iddsi'),
           (SELECT coalesce(array_agg(DISTINCT d.code), '{{}}') FROM coded c
              JOIN diet d ON d.hospital = h AND d.code = c.code
              JOIN diet_rule r ON r.hospital = h AND r.diet = d.id AND r.rule_kind = 'iddsi'),
           found || (SELECT coalesce(array_agg('DIET.unknown_code.' || c.code ORDER BY c.code), '{{}}') FROM coded c
              WHERE NOT EXISTS (SELECT FROM diet d WHERE d.hospital = h AND d.code = c.code))
           || (SELECT coalesce(array_agg('DIET.nothing.' || c.code ORDER BY c.code), '{{}}') FROM coded c
              JOIN diet d ON d.hospital = h AND d.code = c.code AND d.kind = 'hold')
    INTO orders_in_force, levels, textures, found;
    IF orders_in_force = 0 AND stay_of IS NOT NULL THEN
        found := found || 'DIET.no_active_order'::text;
    END IF;

    -- Texture: two axes; two food levels, or two drink levels, contradict each other.
    SELECT coalesce(array_agg(DISTINCT o.drink_level) FILTER (WHERE o.drink_level IS NOT NULL), '{{}}'),
           coalesce(bool_or(o.food_level = 7), false)
    INTO drinks, is_textured
    FROM diet_order o
    WHERE o.hospital = h AND o.patient = p AND o.admission = stay_of AND o.status = 'active'
      AND o.start_at <= at AND (o.end_at IS NULL OR o.end_at > at);
    IF is_textured AND NOT '7' = ANY (levels) THEN
        levels := levels || 'regular'::text;
        textures := textures || 'IDDSI'::text;
    END IF;
    is_textured := cardinality(levels) > 0;
    IF cardinality(levels) > 1 THEN
        found := found || 'IDDSI.contradiction'::text;
    END IF;
    IF cardinality(drinks) > 1 THEN
        found := found || 'IDDSI.unknown_drink_level'::text;
    ELSE
        drink := drinks[1];
    END IF;

{_DISHES}    ), against (dish, source, rule, subject, named) AS (
        SELECT f.id, 'DISH', 'unknown_dish', '', 'DISH' FROM held f
        WHERE f.code IS NULL OR f.retired_at IS NOT NULL
        UNION ALL
        SELECT f.id, 'DISH', 'declaration', f.code, 'DISH' FROM held f WHERE NOT f.is_declared AND f.code IS NOT NULL
        UNION ALL
        SELECT f.id, 'IDDSI', 'iddsi', CASE levels[1] WHEN 'regular' THEN '7' ELSE levels[1] END, t.code
        FROM held f, unnest(textures) AS t(code)
        WHERE cardinality(levels) = 1 AND NOT f.is_drink
          AND NOT (CASE levels[1] WHEN 'regular' THEN 7 WHEN '7' THEN 6 ELSE levels[1]::int END = ANY (f.achievable))
        UNION ALL
        SELECT f.id, 'IDDSI', CASE WHEN drink IS NULL THEN 'drink_level_unset' ELSE 'drink' END, coalesce(drink::text, 'drink'), 'IDDSI'
        FROM held f
        WHERE (f.is_drink OR f.is_liquid_food) AND cardinality(drinks) <= 1
          AND (drink IS NOT NULL OR is_textured)
          AND (drink IS NULL OR NOT (drink = ANY (f.achievable) OR drink = coalesce(f.native_drink, -1)))
{_FOUND}    IF allergic = 0 THEN
        RETURN found;
    END IF;
    is_carried := EXISTS (SELECT FROM allergy a WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL
                          AND a.severity IN ('anaphylaxis', 'severe'))
        AND EXISTS (SELECT FROM dish d JOIN kitchen_line k ON k.hospital = h AND k.id = d.kitchen_line AND k.carries_over
                    WHERE d.hospital = h AND d.id = ANY (dishes));
{_DISHES}    ), shared AS (
        SELECT DISTINCT w.id AS dish, n.id AS neighbour, n.label IS NULL AS has_recipe, n.label_allergens
        FROM wanted w
        JOIN kitchen_line k ON k.hospital = h AND k.id = w.kitchen_line AND k.carries_over
        JOIN dish n ON n.hospital = h AND n.kitchen_line = k.id AND n.id <> w.id AND n.retired_at IS NULL
        WHERE is_carried
    ), carried AS (
        SELECT s.dish, x AS allergen FROM shared s, unnest(s.label_allergens) x WHERE NOT s.has_recipe
        UNION
        SELECT s.dish, x FROM shared s JOIN recipe_line l ON l.hospital = h AND l.dish = s.neighbour
        JOIN ingredient i ON i.hospital = h AND i.id = l.ingredient, unnest(i.allergens) x WHERE s.has_recipe
    ), carried_words AS (
        SELECT DISTINCT s.dish, i.words FROM shared s JOIN recipe_line l ON l.hospital = h AND l.dish = s.neighbour
        JOIN ingredient i ON i.hospital = h AND i.id = l.ingredient WHERE s.has_recipe
    ), allergic_to AS (
        SELECT a.code, a.severity, n.name, dus_words(n.name) AS words,
               EXISTS (SELECT FROM allergen_member m WHERE m.group_code = n.name) AS is_group
        FROM allergy a, LATERAL (SELECT btrim(regexp_replace(replace(lower(btrim(a.code)), '_', ' '), '^ingredient:', '')) AS name) n
        WHERE a.hospital = h AND a.patient = p AND a.ended_at IS NULL
    ), avoided AS (
        SELECT g.code, g.severity, g.is_group,
               CASE WHEN g.is_group THEN (SELECT array_agg(m.member) FROM allergen_member m WHERE m.group_code = g.name)
                    ELSE (SELECT array_agg(m.group_code) || array_agg(m.member) FROM allergen_member m
                          WHERE m.words @> g.words AND m.words <@ g.words AND g.words <> '{{}}') END
               || ARRAY[g.name, g.code] AS names,
               g.is_group OR EXISTS (SELECT FROM allergen_member m
                   WHERE m.words @> g.words AND m.words <@ g.words AND g.words <> '{{}}') AS is_declared,
               CASE WHEN NOT g.is_group AND g.words <> '{{}}'
                     AND EXISTS (SELECT FROM ingredient i WHERE i.hospital = h AND i.words @> g.words)
                    THEN g.words END AS words
        FROM allergic_to g
    ), met AS (
        SELECT f.id, f.code AS dish, f.has_recipe, v.code, v.severity, v.is_declared, v.words IS NOT NULL AS is_ingredient,
               coalesce(v.names && f.contains, false)
                   OR coalesce((SELECT bool_or(m.words @> v.words) FROM made m WHERE m.dish = f.id), false) AS contained,
               coalesce(v.names && f.traces, false) AS traced,
               EXISTS (SELECT FROM carried c WHERE c.dish = f.id AND c.allergen = ANY (v.names))
                   OR coalesce((SELECT bool_or(c.words @> v.words) FROM carried_words c WHERE c.dish = f.id), false) AS carried
        FROM held f CROSS JOIN avoided v
        WHERE f.code IS NOT NULL
    ), against (dish, source, rule, subject, named) AS (
        SELECT NULL, 'ALLERGY', 'uncoded', v.code, 'ALLERGY' FROM avoided v WHERE NOT v.is_declared AND v.words IS NULL
        UNION ALL
        SELECT m.id, 'ALLERGY', 'contains', m.code, 'ALLERGY' FROM met m WHERE m.contained
        UNION ALL
        SELECT m.id, 'ALLERGY', 'may_contain', m.code, 'ALLERGY' FROM met m
        WHERE NOT m.contained AND m.traced AND m.severity <> 'intolerance'
        UNION ALL
        SELECT m.id, 'ALLERGY', 'no_recipe', m.code, 'ALLERGY' FROM met m
        WHERE NOT m.contained AND NOT m.is_declared AND m.is_ingredient AND NOT m.has_recipe
        UNION ALL
        SELECT m.id, 'ALLERGY', 'cross_contact', m.code, 'ALLERGY' FROM met m
        WHERE NOT m.contained AND m.carried AND m.severity IN ('anaphylaxis', 'severe')
{_FOUND}    RETURN found;
END $$ SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan;

-- What stands against one order's tray at a moment.
CREATE FUNCTION dus_order_reasons(h int, wanted uuid, at timestamptz) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    tray meal_order;
    dishes uuid[];
    found text[] := '{{}}';
BEGIN
    SELECT * INTO tray FROM meal_order o WHERE o.hospital = h AND o.id = wanted;
    IF tray.id IS NULL THEN
        RETURN ARRAY['ORDER.stranger'];
    END IF;
    SELECT array_agg(l.dish) INTO dishes FROM order_line l
    WHERE l.hospital = h AND l.meal_order = wanted AND l.replaced_at IS NULL;
    IF dishes IS NULL THEN
        found := found || 'DISH.empty_tray'::text;
    END IF;
    IF NOT EXISTS (SELECT FROM admission a WHERE a.hospital = h AND a.id = tray.admission AND a.patient = tray.patient
                   AND a.ended_at IS NULL) THEN
        found := found || 'ORDER.another_stay'::text;
    END IF;
    RETURN found || dus_reasons(h, tray.patient, at, greatest(tray.serve_from, at), tray.day, tray.period, dishes);
END $$ SET search_path = pg_catalog, public, pg_temp;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
